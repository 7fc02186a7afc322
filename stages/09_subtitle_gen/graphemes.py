"""Letters as people see them: what belongs together, and how wide it is."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import List

_ZERO_WIDTH_JOINER = "\u200d"
_JOINERS = "\u200c\u200d"
_INVISIBLE_CATEGORIES = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs")
_MARK_CATEGORIES = ("Mn", "Mc", "Me")
_SARA_AM = "\u0e33\u0eb3"  # a vowel of Thai and Lao that hangs on the letter before it
_VIRAMA_CLASS = 9
# Indic scripts in which a virama ties the next consonant to the one before.
_CONJUNCT_SCRIPTS = (
    ("\u0900", "\u09ff"),  # Devanagari, Bengali
    ("\u0a80", "\u0b7f"),  # Gujarati, Oriya
    ("\u0c00", "\u0c7f"),  # Telugu
    ("\u0d00", "\u0d7f"),  # Malayalam
)
_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")
_TAGS = ("\U000e0020", "\U000e007f")
_FLAG_LETTERS = ("\U0001f1e6", "\U0001f1ff")
_HANGUL_LETTERS = ("\u1100", "\u11ff")
_HANGUL_VOWELS_AND_FINALS = ("\u1160", "\u11ff")


def graphemes(text: str) -> List[str]:
    """The text's letters, each with the marks, joiners and modifiers that belong to it."""
    if text.isascii():
        return list(text)
    found: List[str] = []
    for character in text:
        if found and _continues(found[-1], character):
            found[-1] += character
        else:
            found.append(character)
    return found


@lru_cache(maxsize=1 << 16)
def width(text: str) -> int:
    """The columns that a text takes: two for a wide letter, none for an invisible one, else one."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, graphemes(text)))


def has_ink(text: str) -> bool:
    """Whether anything of the text can be seen."""
    return any(unicodedata.category(letter) not in _INVISIBLE_CATEGORIES for letter in text)


def is_wide(text: str) -> bool:
    """Whether most of the text's letters are wide, as in Chinese, Japanese and Korean."""
    if text.isascii():
        return False
    letters = [letter for letter in text if unicodedata.category(letter).startswith("L")]
    return sum(map(_is_wide_letter, letters)) * 2 > len(letters)


def _columns(grapheme: str) -> int:
    first = grapheme[0]
    if unicodedata.category(first) in ("Cf", "Cc"):
        return 0
    return 2 if _is_wide_letter(first) or _between(first, _FLAG_LETTERS) else 1


def _is_wide_letter(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"


def _continues(grapheme: str, character: str) -> bool:
    """Whether the character belongs to the letter before it."""
    if character.isascii():
        return False
    if unicodedata.category(character) in _MARK_CATEGORIES or character in _JOINERS + _SARA_AM:
        return True
    if _between(character, _SKIN_TONES) or _between(character, _TAGS):
        return True
    last = grapheme[-1]
    return (
        (last == _ZERO_WIDTH_JOINER and unicodedata.category(character) == "So")
        or (
            _between(character, _FLAG_LETTERS)
            and grapheme == last
            and _between(last, _FLAG_LETTERS)
        )
        or (_between(character, _HANGUL_VOWELS_AND_FINALS) and _between(last, _HANGUL_LETTERS))
        or _is_conjunct(grapheme, character)
    )


def _is_conjunct(grapheme: str, character: str) -> bool:
    ending = grapheme.rstrip(_ZERO_WIDTH_JOINER)[-1:]
    return (
        ending != ""
        and unicodedata.combining(ending) == _VIRAMA_CLASS
        and unicodedata.category(character) == "Lo"
        and any(_between(character, script) for script in _CONJUNCT_SCRIPTS)
    )


def _between(character: str, limits: tuple[str, str]) -> bool:
    return limits[0] <= character <= limits[1]
