"""Text that others wrote, made safe to show: nothing in it can steer a terminal or forge a line."""

import unicodedata
from collections.abc import Iterator
from typing import Final

# Control characters and line separators, lone surrogates, and the marks that reorder a line.
HARMFUL: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
REORDERING: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
TAB: Final = "    "
WIDE: Final = frozenset("WF")
WITHOUT_WIDTH: Final = frozenset({"Mn", "Me", "Cf"})


def plain(text: str) -> str:
    """One line: control characters, line breaks and lone surrogates become visible escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def plain_lines(text: str) -> list[str]:
    """The lines of a text, each as ``plain`` makes it; tabs become blanks."""
    return [plain(line.replace("\t", TAB).rstrip("\r")) for line in text.split("\n")]


def _visible(character: str) -> str:
    if unicodedata.category(character) in HARMFUL or character in REORDERING:
        return character.encode("unicode_escape").decode("ascii")
    return character


def cells(text: str) -> int:
    """How many columns of a terminal a line takes."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.category(character) in WITHOUT_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in WIDE else 1


def cropped(text: str, width: int, ellipsis: str = "…") -> str:
    """The line, cut to that many columns."""
    if cells(text) <= width:
        return text
    room = width - cells(ellipsis)
    kept = ""
    for character in text:
        room -= _width(character)
        if room < 0:
            break
        kept += character
    return kept + ellipsis if width >= cells(ellipsis) else ""


def wrapped(text: str, width: int) -> Iterator[str]:
    """The line, broken at blanks into lines of at most that many columns where words allow it.

    The indentation of the text is kept for each of its lines.
    """
    indent = text[: len(text) - len(text.lstrip())]
    line = ""
    for word in text.split():
        candidate = f"{line} {word}" if line else indent + word
        if line and cells(candidate) > width:
            yield line
            candidate = indent + word
        line = candidate
    yield line
