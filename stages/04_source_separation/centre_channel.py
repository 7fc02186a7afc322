"""Takes the centre channel out of surround sound, and watches what the other channels hold."""

from __future__ import annotations

import numpy as np
from separator import HOP, Separated
from sound_layout import Layout


class CentreChannel:
    """Takes surround sound in blocks of any size, and gives its centre.

    The layout must have one.
    """

    def __init__(self, layout: Layout) -> None:
        assert layout.centre is not None
        self._centre = layout.centre
        self._others = [n for n in range(layout.channels) if n not in (layout.centre, layout.low)]
        self.places = len(self._others)
        self._waiting = np.zeros((0, layout.channels), np.float32)

    def process(self, block: np.ndarray) -> Separated:
        """The block's centre, and all other channels but the low one.

        What leads is each other channel, or what left and right have in common, over the rest of
        the others.
        """
        return Separated(block[:, self._centre], block[:, self._others], self._rows(block))

    def finish(self) -> Separated:
        """Nothing is left to come but the row of the rest, filled up with silence."""
        nothing = self._waiting[:0]
        short = -len(self._waiting) % HOP
        rows = self._rows(np.zeros((short, self._waiting.shape[1]), np.float32))
        return Separated(nothing[:, 0], nothing[:, self._others], rows)

    def _rows(self, block: np.ndarray) -> np.ndarray:
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
        return np.concatenate([centre + around, centre, 2 * sources - around], axis=1)
