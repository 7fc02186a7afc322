"""Breaks a cue into lines: at a sentence, else at a clause, else about evenly."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from caption_text import Piece, join
from graphemes import width
from phrasing import Phrasing

# The cost of lines, and after how many pieces each ends.
_Lines = Tuple[int, Tuple[int, ...]]
_IMPOSSIBLE: _Lines = (-1, ())


def fewest_lines(pieces: Sequence[Piece], columns: int) -> int:
    """How many lines the pieces need; a piece that is too long has a line for itself."""
    lines, column = 0, columns + 1
    for piece in pieces:
        column += width(piece.text) + (0 if piece.glued else 1)
        if column > columns:
            lines, column = lines + 1, width(piece.text)
    return lines


def break_lines(pieces: Sequence[Piece], columns: int, phrasing: Phrasing) -> Tuple[str, ...]:
    """As few lines as possible, broken where that disturbs least and else about as long."""
    lines = fewest_lines(pieces, columns)
    if lines == 1:
        return (join(pieces),)
    ideal = width(join(pieces)) // lines
    ends = _ends_of_best_lines(pieces, lines, columns, ideal, phrasing)
    begins = [0, *ends[:-1]]
    return tuple(
        join(pieces[begin:end])
        for begin, end in zip(begins, ends)  # noqa: B905 (Python 3.10)
    )


def _ends_of_best_lines(
    pieces: Sequence[Piece], lines: int, columns: int, ideal: int, phrasing: Phrasing
) -> Tuple[int, ...]:
    count = len(pieces)
    # By first piece: the least cost of the rest in the lines that are left, and where they end.
    best: List[_Lines] = [_IMPOSSIBLE] * count + [(0, ())]
    for line in range(lines):
        is_last = line == 0
        following = best
        best = [
            _best_line(pieces, first, following, columns, ideal, phrasing, is_last=is_last)
            for first in range(count + 1)
        ]
    return best[0][1]


def _best_line(
    pieces: Sequence[Piece],
    first: int,
    following: Sequence[_Lines],
    columns: int,
    ideal: int,
    phrasing: Phrasing,
    *,
    is_last: bool,
) -> _Lines:
    """The best line that begins with a piece, and the best lines after it."""
    (least, ends), column = _IMPOSSIBLE, -1
    for end in range(first + 1, len(pieces) + 1):
        piece = pieces[end - 1]
        column += width(piece.text) + (0 if piece.glued and end > first + 1 else 1)
        if column > columns and end > first + 1:
            break
        rest, rest_ends = following[end]
        if rest < 0 or (is_last and end < len(pieces)):
            continue
        cost = rest + 2 * (column - ideal) ** 2
        if end < len(pieces):
            after = pieces[end]
            cost += phrasing.cost(piece.text, after.text, glued=after.glued)
        if least < 0 or cost < least:
            least, ends = cost, (end, *rest_ends)
    return least, ends
