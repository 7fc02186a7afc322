"""Text as the reports print it: aligned tables, colours where they are wanted, nothing harmful."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from runner.observers.plain import cells, plain, plain_lines
from runner.observers.style import paint

GAP: Final = "  "


@dataclass(frozen=True)
class Cell:
    """A cell of a table; ``role`` is one of ``observers.style.SGR``."""

    text: str
    role: str = ""


def one_line(text: str) -> str:
    """What somebody else wrote as a single line that steers no terminal."""
    return plain(" ".join(text.split()))


def indented(text: str, indent: str) -> list[str]:
    """What somebody else wrote as lines that steer no terminal."""
    return [indent + line for line in plain_lines(text)]


def table(
    rows: Sequence[Sequence[str | Cell]], headers: Sequence[str] = (), *, colour: bool = False
) -> list[str]:
    """Lines with aligned columns; the last column is neither cut nor padded."""
    lines = [[_clean(item) for item in row] for row in rows]
    if headers:
        lines.insert(0, [Cell(title, "dim") for title in headers])
    columns = max((len(row) for row in lines), default=0)
    widths = [
        max(cells(row[column].text) for row in lines if column < len(row))
        for column in range(columns)
    ]
    return [_line(row, widths, colour=colour) for row in lines]


def _clean(item: str | Cell) -> Cell:
    cell = item if isinstance(item, Cell) else Cell(item)
    return Cell(one_line(cell.text), cell.role)


def _line(row: Sequence[Cell], widths: Sequence[int], *, colour: bool) -> str:
    last = max((index for index, cell in enumerate(row) if cell.text), default=-1)
    parts = []
    for index, cell in enumerate(row[: last + 1]):
        padding = " " * (widths[index] - cells(cell.text)) if index < last else ""
        parts.append(paint(cell.text, cell.role, on=colour) + padding)
    return GAP.join(parts)
