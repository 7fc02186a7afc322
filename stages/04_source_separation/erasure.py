"""Where separating would take a voice away that is not in the centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, List, Sequence, Tuple

CELL_SAMPLES: Final = 8192  # of 16 kHz
_CELL_SECONDS: Final = CELL_SAMPLES / 16000
_SILENT: Final = 1e-6  # -60 dB of full scale


@dataclass(frozen=True)
class Cell:
    """Mean powers in half a second: of all sound, of what is kept of it, and of one side's lead.

    The lead is what one channel holds beyond what all others hold that are not kept.
    """

    total: float
    kept: float
    sided: float


@dataclass(frozen=True)
class _Sign:
    """A sign that a voice is lost, looked for in as many cells at once as `cells` says."""

    cells: int
    kept_below: float  # times the total
    sided_above: float  # times the total
    sided_over_kept: float


# Measured on voices in the centre and at the side, each with wide music from -5 to 10 dB: music
# leads by 0.15 of the total at most, and beside a voice in the centre by no more than what is kept.
_SIGNS: Final = (
    _Sign(cells=1, kept_below=1, sided_above=0.5, sided_over_kept=4),
    _Sign(cells=3, kept_below=1, sided_above=0.15, sided_over_kept=2),
    # Seconds of which next to nothing is kept: perhaps music alone, but nobody can tell.
    _Sign(cells=6, kept_below=0.01, sided_above=0, sided_over_kept=0),
)


@dataclass(frozen=True)
class Passage:
    """A part of the recording, in seconds."""

    start: float
    end: float


@dataclass(frozen=True)
class Erasure:
    """Where separation would erase a voice, and of how many seconds with sound."""

    passages: Tuple[Passage, ...]
    lost_seconds: float
    sounding_seconds: float


def find_erasure(cells: Sequence[Cell], duration: float) -> Erasure:
    """The passages that must stay as they were, in order, each with half a second around it."""
    lost = [False] * len(cells)
    for sign in _SIGNS:
        width = min(sign.cells, len(cells))
        for start in range(len(cells) - width + 1):
            if _shows(sign, cells[start : start + width]):
                lost[start : start + width] = [True] * width
    sounding = [cell.total > _SILENT for cell in cells]
    lost = [loss and sounding[number] for number, loss in enumerate(lost)]
    return Erasure(
        passages=_passages(lost, duration),
        lost_seconds=min(duration, sum(lost) * _CELL_SECONDS),
        sounding_seconds=min(duration, sum(sounding) * _CELL_SECONDS),
    )


def _shows(sign: _Sign, cells: Sequence[Cell]) -> bool:
    total = sum(cell.total for cell in cells)
    kept = sum(cell.kept for cell in cells)
    sided = sum(cell.sided for cell in cells)
    return (
        total > _SILENT * len(cells)
        and kept <= sign.kept_below * total
        and sided >= sign.sided_above * total
        and sided >= sign.sided_over_kept * kept
    )


def _passages(lost: Sequence[bool], duration: float) -> Tuple[Passage, ...]:
    found: List[Passage] = []
    for number, loss in enumerate(lost):
        if not loss:
            continue
        start = max(0.0, (number - 1) * _CELL_SECONDS)
        end = min(duration, (number + 2) * _CELL_SECONDS)
        if found and start <= found[-1].end:
            start = found.pop().start
        if start < end:
            found.append(Passage(start, end))
    return tuple(found)
