"""Where separating would take a voice away that is not in the centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Iterable, List, Sequence, Set, Tuple

CELL_SAMPLES: Final = 8192  # of 16 kHz
_CELL_SECONDS: Final = CELL_SAMPLES / 16000
_SILENT: Final = 1e-6  # -60 dB of full scale
# Measured on voices of seven kinds in the centre and at the side, each in wide music (plucked,
# held, sung, with drums), rain and a crowd, from -5 to 10 dB. Music and rain alone stay below it.
_HEARD: Final = 0.5
# The detector hears voices however soft. What leaks of a voice at the side is 16 dB below the whole
# or less; a voice in the centre is above this line nearly always, even in music of 5 dB more.
_TRACE: Final = 1 / 16
# Beside a voice in the centre the leads of those who talk in a crowd stay below this line.
_ECHO: Final = 2


@dataclass(frozen=True)
class Cell:
    """What is in half a second: mean powers of all sound, of what is kept of it, and of one lead.

    The lead is what one channel holds beyond what all others hold that are not kept. Beside them
    how likely a voice is heard, 0 to 1, in what is kept and in what is lost.
    """

    total: float
    kept: float
    sided: float
    voice_kept: float = 0.0
    voice_lost: float = 0.0

    @property
    def keeps_voice(self) -> bool:
        """A voice is heard in what is kept, which is no mere trace of the whole."""
        return self.voice_kept >= _HEARD and self.kept >= _TRACE * self.total

    @property
    def loses_voice(self) -> bool:
        """A voice is heard in what is lost, and none in what is kept, or only an echo of it."""
        return (
            self.voice_lost >= _HEARD
            and self.total > _SILENT
            and (self.voice_kept < _HEARD or self.sided >= _ECHO * self.kept)
        )


@dataclass(frozen=True)
class _Sign:
    """Levels that may mean a lost voice, in as many cells at once as `cells` says.

    Music shows them, too; but there are voices that the detector does not take for such.
    """

    cells: int
    kept_below: float  # times the total
    sided_above: float  # times the total
    sided_over_kept: float


# As music shows that is on both sides alike: it leads by 0.15 of the total at most, and beside a
# voice in the centre by no more than what is kept. Where sides play in turn, only ears can tell.
_SIGNS: Final = (
    _Sign(cells=1, kept_below=1, sided_above=0.5, sided_over_kept=4),
    _Sign(cells=3, kept_below=1, sided_above=0.15, sided_over_kept=2),
    # Seconds of which next to nothing is kept: most likely music alone, but not for certain.
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
    heard = {number for number, cell in enumerate(cells) if cell.loses_voice}
    # Music that sets in where a sentence ends would be taken for its last word.
    beside = _widened(number for number, cell in enumerate(cells) if cell.keeps_voice)
    sounding = {number for number, cell in enumerate(cells) if cell.total > _SILENT}
    signs = (_suspected(cells) & sounding) - beside
    return Erasure(
        passages=_passages(_widened(heard) | (_widened(signs) - beside), duration),
        lost_seconds=min(duration, len(heard | signs) * _CELL_SECONDS),
        sounding_seconds=min(duration, len(sounding) * _CELL_SECONDS),
    )


def _suspected(cells: Sequence[Cell]) -> Set[int]:
    found: Set[int] = set()
    for sign in _SIGNS:
        width = min(sign.cells, len(cells))
        for start in range(len(cells) - width + 1):
            if _shows(sign, cells[start : start + width]):
                found.update(range(start, start + width))
    return found


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


def _widened(numbers: Iterable[int]) -> Set[int]:
    """The cells before and after, too."""
    return {number + step for number in numbers for step in (-1, 0, 1)}


def _passages(numbers: Set[int], duration: float) -> Tuple[Passage, ...]:
    found: List[Passage] = []
    for number in sorted(numbers):
        start = max(0.0, number * _CELL_SECONDS)
        end = min(duration, (number + 1) * _CELL_SECONDS)
        if found and start <= found[-1].end:
            start = found.pop().start
        if start < end:
            found.append(Passage(start, end))
    return tuple(found)
