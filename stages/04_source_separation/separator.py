"""What every way of separating gives: what it keeps, what it takes away, and how much of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

HOP: Final = 512  # samples of 16 kHz, for which there is one row of powers


@dataclass(frozen=True)
class Separated:
    """A piece of the sound at 16 kHz: `kept` is mono, `lost` has as many samples of each other.

    `rows` has mean powers, a row for each HOP samples that are complete: of all sound, of what is
    kept, and by how much each place beside the centre leads.
    """

    kept: np.ndarray
    lost: np.ndarray
    rows: np.ndarray


class Separator(Protocol):
    """Takes sound in blocks of any size, and gives it separated, in time and to the sample."""

    places: int
    """How many columns `lost` has."""

    def process(self, block: np.ndarray) -> Separated:
        """What is ready."""

    def finish(self) -> Separated:
        """The rest."""
