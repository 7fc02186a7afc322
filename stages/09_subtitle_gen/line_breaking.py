"""Where a text may be broken, and how lines are filled evenly."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Iterator, List, Sequence

# Players and the libraries behind them read {..} as a style, \N as a line break, and take a line
# with --> for a time. These stand in for them and read the same.
_STAND_INS = str.maketrans({"{": "(", "}": ")", "\\": "/", "\ufeff": None})
_ARROW = "-->"
_ARROW_STAND_IN = "\N{RIGHTWARDS ARROW}"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Scripts that put no space between words and may be broken after almost any character. Hangul is
# as wide, but has spaces.
_UNSPACED = (
    ("\u3000", "\u30ff"),  # CJK punctuation, Hiragana, Katakana
    ("\u3400", "\u9fff"),  # Han
    ("\uf900", "\ufaff"),  # Han, compatibility
    ("\uff00", "\uffef"),  # full-width forms
    ("\U00020000", "\U0003ffff"),  # Han, rare
)
_OPENING = ("Ps", "Pi")
_NEVER_FIRST = ("Pe", "Pf", "Po", "Pd", "Lm", "Mn", "Mc", "Me")


@dataclass(frozen=True)
class Token:
    """A piece of text that stays on one line; `glued` means: no space before it."""

    text: str
    glued: bool = False


def clean(text: str) -> str:
    """The text in one line, without what a subtitle file cannot hold."""
    writable = "".join(_writable(character) for character in text.translate(_STAND_INS))
    return " ".join(writable.split()).replace(_ARROW, _ARROW_STAND_IN)


def tokens(text: str) -> List[Token]:
    """The pieces of a clean text, in order; together they are the text."""
    return [
        Token(piece, glued=index > 0)
        for word in text.split()
        for index, piece in enumerate(_breakable(word))
    ]


@lru_cache(maxsize=4096)
def width(text: str) -> int:
    """The columns that a text takes: two for a wide character, one for any other."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def join(line: Sequence[Token]) -> str:
    """The text of a line of tokens."""
    return "".join(
        token.text if token.glued or index == 0 else " " + token.text
        for index, token in enumerate(line)
    )


def fill(line: Sequence[Token], most_columns: int) -> List[List[Token]]:
    """As few lines as possible; only a token that is too long by itself makes a longer one."""
    lines: List[List[Token]] = []
    columns = 0
    for token in line:
        longer = columns + width(token.text) + (0 if token.glued else 1)
        if lines and longer <= most_columns:
            lines[-1].append(token)
            columns = longer
        else:
            lines.append([token])
            columns = width(token.text)
    return lines


def fill_evenly(line: Sequence[Token], most_columns: int) -> List[List[Token]]:
    """As few lines as possible, and of those the way in which the longest is shortest."""
    fewest = len(fill(line, most_columns))
    narrowest = max(1, width(join(line)) // max(1, fewest))
    for columns in range(min(narrowest, most_columns), most_columns):
        lines = fill(line, columns)
        if len(lines) == fewest:
            return lines
    return fill(line, most_columns)


def _writable(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc":
        return " " if character.isspace() else ""
    return _REPLACEMENT if category == "Cs" else character  # half of a pair has no UTF-8


def _breakable(word: str) -> Iterator[str]:
    piece = ""
    for character in word:
        if piece and _may_break(piece[-1], character):
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def _may_break(before: str, after: str) -> bool:
    if not (_is_unspaced(before) or _is_unspaced(after)):
        return False
    return (
        unicodedata.category(before) not in _OPENING
        and unicodedata.category(after) not in _NEVER_FIRST
    )


def _is_unspaced(character: str) -> bool:
    return any(first <= character <= last for first, last in _UNSPACED)
