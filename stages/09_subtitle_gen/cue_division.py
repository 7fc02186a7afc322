"""Divides what is spoken into cues, so that as few as possible break a rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional, Sequence, Tuple

from cue import Rules
from graphemes import width
from phrasing import SENTENCE, Phrasing
from spoken_pieces import SpokenPiece

# A pause that ends a cue in any case, and one at which it is good to end it.
LONG_PAUSE_MS = 1000
_PAUSE_MS = 300
_PAUSE_COST = 300
# Costs in the unit of the breaks' costs; see phrasing.py.
_CUE = 300
_OVER_A_SENTENCE = 350
_OVER_A_SEGMENT = 600
_FASTER_THAN_WANTED = 1500
_SCRAP_COLUMNS = 20  # a shorter cue out of the middle of a sentence looks lost
_SCRAP_PER_COLUMN = 60
# More than all that a cue's breaks can cost: a rule is never broken for the looks.
_BREAKS_A_RULE = 1_000_000
_MOST_FOR_MISSING_TIME = 40_000


@dataclass(frozen=True)
class _Stretch:
    """Pieces spoken without a long pause; lists by piece, times in milliseconds.

    ``ending`` is the cost of a cue that ends after the piece, ``crossing`` of one that goes on, and
    ``until`` is when the next piece after the stretch begins.
    """

    starts: List[int]
    ends: List[int]
    widths: List[int]
    spaces: List[int]
    ending: List[int]
    crossing: List[int]
    columns: int
    until: Optional[int]


def divide(
    spoken: Sequence[SpokenPiece], rules: Rules, phrasing: Phrasing
) -> Iterator[Sequence[SpokenPiece]]:
    """The pieces of each cue, in order.

    Among all divisions into cues that fit their lines, the one with the fewest cues that are too
    short or too fast; among those the one that reads best.
    """
    for first, last in _stretches(spoken):
        following = spoken[last].start_ms if last < len(spoken) else None
        stretch = _stretch(spoken[first:last], following, phrasing)
        begin = 0
        for end in _best_ends(stretch, rules):
            yield spoken[first + begin : first + end]
            begin = end


def _stretches(spoken: Sequence[SpokenPiece]) -> Iterator[Tuple[int, int]]:
    first, latest = 0, 0
    for index, piece in enumerate(spoken):
        is_apart = piece.start_ms - latest >= LONG_PAUSE_MS
        if index > first and (is_apart or piece.columns != spoken[index - 1].columns):
            yield first, index
            first = index
        latest = max(latest, piece.end_ms)
    if spoken:
        yield first, len(spoken)


def _stretch(
    spoken: Sequence[SpokenPiece], following: Optional[int], phrasing: Phrasing
) -> _Stretch:
    ending, crossing = [], []
    for piece, after in zip(spoken, spoken[1:]):  # noqa: B905, RUF007 (Python 3.10)
        pause = after.start_ms - piece.end_ms
        cost = phrasing.cost(piece.text, after.text, glued=after.glued)
        over = _OVER_A_SENTENCE if cost == SENTENCE else 0
        if piece.ends_segment:
            cost, over = min(cost, 100), _OVER_A_SEGMENT
        if pause >= _PAUSE_MS:
            cost, over = min(cost, _PAUSE_COST), over + pause
        ending.append(cost)
        crossing.append(over)
    return _Stretch(
        starts=[piece.start_ms for piece in spoken],
        ends=[piece.end_ms for piece in spoken],
        widths=[width(piece.text) for piece in spoken],
        spaces=[0 if piece.glued else 1 for piece in spoken],
        ending=[*ending, SENTENCE],
        crossing=[*crossing, 0],
        columns=spoken[0].columns,
        until=following,
    )


def _best_ends(stretch: _Stretch, rules: Rules) -> List[int]:
    """Where the cues end: dynamic programming from the last piece to the first."""
    count = len(stretch.starts)
    least = [0] * (count + 1)
    chosen = [count] * (count + 1)
    for first in range(count - 1, -1, -1):
        least[first], chosen[first] = _best_end(stretch, first, least, rules)
    ends, first = [], 0
    while first < count:
        first = chosen[first]
        ends.append(first)
    return ends


def _best_end(stretch: _Stretch, first: int, least: Sequence[int], rules: Rules) -> Tuple[int, int]:
    """The least cost of everything from a piece on, and the end of the cue that begins there."""
    starts, ends, widths, spaces = stretch.starts, stretch.ends, stretch.widths, stretch.spaces
    count, columns, start = len(starts), stretch.columns, starts[first]
    is_scrap_before = first > 0 and stretch.ending[first - 1] > SENTENCE
    best, end = -1, first + 1
    lines, column, characters, crossed, latest = 1, widths[first], widths[first], 0, ends[first]
    for last in range(first, count):
        if last > first:
            added = spaces[last] + widths[last]
            characters += added
            column += added
            if column > columns:
                lines, column = lines + 1, widths[last]
            crossed += stretch.crossing[last - 1]
            latest = max(latest, ends[last])
            if lines > rules.lines or latest - start > rules.longest_ms:
                break
        following = starts[last + 1] if last + 1 < count else stretch.until
        ending = stretch.ending[last]
        cost = least[last + 1] + _CUE + ending + crossed
        if characters < _SCRAP_COLUMNS and (is_scrap_before or ending > SENTENCE):
            cost += (_SCRAP_COLUMNS - characters) * _SCRAP_PER_COLUMN
        room = rules.longest_ms
        if following is not None:
            room = min(room, following - rules.gap_ms - start)
        if room < rules.shortest_ms or room * rules.reading_speed < characters * 1000:
            cost += _cost_of_haste(room, characters, rules)
        if best < 0 or cost < best:
            best, end = cost, last + 1
    return best, end


def _cost_of_haste(room: int, characters: int, rules: Rules) -> int:
    """What it costs that a cue can show no longer than ``room`` milliseconds, which is little."""
    if room < rules.shortest_ms or room * rules.reading_speed_cap < characters * 1000:
        missing = max(rules.shortest_ms, characters * 1000 / rules.reading_speed_cap) - room
        return _BREAKS_A_RULE + min(int(missing) * 10, _MOST_FOR_MISSING_TIME)
    return _FASTER_THAN_WANTED + 2 * int(characters * 1000 / rules.reading_speed - room)
