"""The text of subtitles: cleaned, and cut into the pieces between which a line may end."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Iterator, List, Sequence

from graphemes import graphemes, has_ink, width
from number_bonds import are_bound

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# White space at which a line may end; the no-break spaces stay a part of their word.
_NO_BREAK_SPACES = "\u00a0\u2007\u202f"
_BREAKING_SPACE = re.compile(f"[^\\S{_NO_BREAK_SPACES}]+")
_EM_DASH = "\u2014"
_ZERO_WIDTH_SPACE = "\u200b"
# Scripts that put no space between words, and in which a line may end after almost any letter.
# Hangul is as wide, but has spaces.
_UNSPACED = (
    ("\u3000", "\u30ff"),  # CJK punctuation, Hiragana, Katakana
    ("\u3400", "\u9fff"),  # Han
    ("\uf900", "\ufaff"),  # Han, compatibility
    ("\uff00", "\uffef"),  # full-width forms
    ("\U00020000", "\U0003ffff"),  # Han, rare
)
_KATAKANA = ("\u30a1", "\u30ff")  # spells foreign words, which stay whole
_SMALL_KANA = "ぁぃぅぇぉっゃゅょゎゕゖ"
# Thai and Lao vowels that are written first: with them a syllable begins.
_LEADING_VOWELS = "\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4"
_OPENING = ("Ps", "Pi")
_NEVER_FIRST = ("Pe", "Pf", "Po", "Pd", "Lm")


@dataclass(frozen=True)
class Piece:
    """A piece of text that stays on one line; `glued` means: no space before it."""

    text: str
    glued: bool = False


def clean(text: str) -> str:
    """The text in one line, without what a subtitle file cannot hold or nobody can see."""
    written = "".join(map(_writable, text)) if not text.isprintable() else text
    words = (word.strip(_NO_BREAK_SPACES) for word in _BREAKING_SPACE.split(written))
    return " ".join(filter(has_ink, words))


def pieces(text: str, columns: int) -> List[Piece]:
    """The pieces of a clean text, in order; together they are the text.

    What belongs together, such as a number and its unit, is one piece if a line has room for it.
    """
    return [
        Piece(part, glued=index > 0)
        for unit in _bound(text.split(" ") if text else [], columns)
        for index, part in enumerate(_parts(unit))
    ]


def join(line: Sequence[Piece]) -> str:
    """The text of a line of pieces."""
    return "".join(
        piece.text if piece.glued or index == 0 else " " + piece.text
        for index, piece in enumerate(line)
    )


def _bound(words: Sequence[str], columns: int) -> List[str]:
    units: List[str] = []
    last = ""
    for word in words:
        joined = f"{units[-1]} {word}" if units and are_bound(last, word) else ""
        if joined and width(joined) <= columns:
            units[-1] = joined
        else:
            units.append(word)
        last = word
    return units


def _parts(unit: str) -> Iterator[str]:
    """A unit without spaces, cut where its script lets a line end."""
    if unit.isascii() or " " in unit:
        yield unit
        return
    part = ""
    letters = graphemes(unit)
    for letter, following in zip(letters, [*letters[1:], ""]):  # noqa: B905 (Python 3.10)
        part += letter
        if following and _may_break(letter, following) and has_ink(part):
            yield part
            part = ""
    yield part


def _may_break(before: str, after: str) -> bool:
    if not has_ink(after) or not (has_ink(before) or before == _ZERO_WIDTH_SPACE):
        return False
    if before[0] in (_EM_DASH, _ZERO_WIDTH_SPACE):
        return unicodedata.category(after[0]) not in _NEVER_FIRST
    if after[0] in _LEADING_VOWELS:
        return unicodedata.category(before[0]) not in _OPENING and not _is_leading(before)
    if not (_is_unspaced(before) or _is_unspaced(after)) or before[0].isdigit():
        return False
    if _is_between(before, _KATAKANA) and _is_between(after, _KATAKANA):
        return False
    return (
        unicodedata.category(before[0]) not in _OPENING
        and unicodedata.category(after[0]) not in _NEVER_FIRST
        and after[0] not in _SMALL_KANA
    )


def _writable(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc":
        return " " if character.isspace() else ""
    if category == "Cs":  # half of a pair has no UTF-8
        return _REPLACEMENT
    return "" if character == "\ufeff" else character


def _is_leading(grapheme: str) -> bool:
    return grapheme[0] in _LEADING_VOWELS


def _is_unspaced(grapheme: str) -> bool:
    return any(_is_between(grapheme, script) for script in _UNSPACED)


def _is_between(grapheme: str, limits: tuple[str, str]) -> bool:
    return limits[0] <= grapheme[0] <= limits[1]
