"""Takes the centre channel out of surround sound, and watches what the other channels hold."""

from __future__ import annotations

from typing import Tuple

import numpy as np
from centre_mask import HOP
from sound_layout import Layout


class CentreChannel:
    """Takes surround sound in blocks of any size, and gives its centre.

    The layout must have one.
    """

    def __init__(self, layout: Layout) -> None:
        assert layout.centre is not None
        self._centre = layout.centre
        self._others = [n for n in range(layout.channels) if n not in (layout.centre, layout.low)]
        self._waiting = np.zeros((0, layout.channels), np.float32)

    def process(self, block: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """The block's centre, and a row for each HOP samples, as far as they are complete.

        A row holds mean powers: of all, of the centre, and by how much each other channel, or what
        left and right have in common, leads over the rest of the others.
        """
        samples = np.concatenate([self._waiting, block])
        count = len(samples) // HOP
        self._waiting = samples[count * HOP :]
        frames = samples[: count * HOP].reshape(count, HOP, samples.shape[1])
        powers = np.square(frames).mean(axis=1)
        others = powers[:, self._others]
        both = np.square(frames[..., 0] + frames[..., 1]).mean(axis=1) / 2
        sources = np.concatenate([others, both[:, None]], axis=1)
        around = others.sum(axis=1, keepdims=True)
        centre = powers[:, [self._centre]]
        rows = np.concatenate([centre + around, centre, 2 * sources - around], axis=1)
        return block[:, self._centre], rows

    def finish(self) -> Tuple[np.ndarray, np.ndarray]:
        """Nothing is left to come; the row of the rest, filled up with silence."""
        short = -len(self._waiting) % HOP
        _, rows = self.process(np.zeros((short, self._waiting.shape[1]), np.float32))
        return np.zeros(0, np.float32), rows
