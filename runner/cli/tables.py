"""Text as the reports print it: aligned tables, colours where they are wanted, nothing harmful.

What a stage wrote reaches the terminal through ``neutral`` or ``one_line`` only: its control
characters become visible signs instead of moving the cursor or renaming the window.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

STYLES: Final = {"good": "32", "bad": "31", "busy": "36", "faint": "2", "strong": "1", "warn": "33"}
GAP: Final = "  "
LAST_C0: Final = 0x1F
DELETE: Final = 0x7F
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
# Characters that steer a terminal or turn the direction of the text, and halves of pairs, which
# cannot be written as UTF-8.
_STEERING: Final = (
    *range(0x80, 0xA0),
    0x061C,
    *range(0x200E, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),
)
_SIGNS: Final = {
    **{code: chr(0x2400 + code) for code in range(LAST_C0 + 1)},
    DELETE: "\N{SYMBOL FOR DELETE}",
    **dict.fromkeys(_STEERING, REPLACEMENT),
}
_SIGNS_KEEPING_LINES: Final = {
    code: sign for code, sign in _SIGNS.items() if chr(code) not in "\n\t"
}


def neutral(text: str) -> str:
    """Text of any number of lines, with its control characters made visible."""
    return text.translate(_SIGNS_KEEPING_LINES)


def one_line(text: str) -> str:
    """Text as a single line, with its control characters made visible."""
    return " ".join(text.split()).translate(_SIGNS)


@dataclass(frozen=True)
class Cell:
    """A cell of a table; ``style`` is a name in ``STYLES``."""

    text: str
    style: str | None = None


def painted(text: str, style: str | None, *, colour: bool) -> str:
    """Text in a style, or as it is where no colour is wanted."""
    if not colour or style is None or not text:
        return text
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def table(
    rows: Sequence[Sequence[str | Cell]], headers: Sequence[str] = (), *, colour: bool = False
) -> list[str]:
    """Lines with aligned columns; the last column is never cut or padded."""
    cells = [[item if isinstance(item, Cell) else Cell(item) for item in row] for row in rows]
    if headers:
        cells.insert(0, [Cell(title, "faint") for title in headers])
    lines = [[Cell(one_line(cell.text), cell.style) for cell in row] for row in cells]
    columns = max((len(row) for row in lines), default=0)
    widths = [
        max(_width(row[column].text) for row in lines if column < len(row))
        for column in range(columns)
    ]
    return [_line(row, widths, colour=colour) for row in lines]


def _line(row: Sequence[Cell], widths: Sequence[int], *, colour: bool) -> str:
    last = max((index for index, cell in enumerate(row) if cell.text), default=-1)
    parts = []
    for index, cell in enumerate(row[: last + 1]):
        padding = " " * (widths[index] - _width(cell.text)) if index < last else ""
        parts.append(painted(cell.text, cell.style, colour=colour) + padding)
    return GAP.join(parts)


def _width(text: str) -> int:
    """Columns that a text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )
