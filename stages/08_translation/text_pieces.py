"""Texts as engines take them: in one line, and in pieces where a text is too long."""

from __future__ import annotations

import re
import unicodedata
from typing import Callable, List, Optional, Tuple

# From the best place for a cut to the worst: ends of sentences, of clauses, of words. Each leaves
# the punctuation with what comes before it, and full-width punctuation has no blank behind it.
_CUTS = (
    re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’»)])\s+|(?<=[。！？])"),  # noqa: RUF001 (meant)
    re.compile(r"(?<=[,;:])\s+|\s+(?=[-–—]\s)|(?<=[，、；：])"),  # noqa: RUF001 (meant)
    re.compile(r"\s+"),
)
_TAG_BEFORE = re.compile(r"\s*(?:<[^<>]{0,40}>|\{[^{}]{0,40}\})\s*")
_TAG_BEHIND = re.compile(r"\s*(?:<[^<>]{0,40}>|\{[^{}]{0,40}\})\s*\Z")
# What joins emoji into one.
_LONGEST_TAG = 60
_JOINERS = "\ufe0f\u200d"


def in_one_line(text: str) -> str:
    """The text without line breaks, control characters and lone surrogates, blanks made single."""
    return " ".join("".join(map(_printable, text)).split())


def has_words(text: str) -> bool:
    """Whether there is a letter of any script."""
    return any(map(str.isalpha, text))


def undecorated(text: str) -> Tuple[str, str, str]:
    """What is said, between the tags, notes and emoji before it and those behind it."""
    start, end = 0, len(text)
    while start < end:
        tag = _TAG_BEFORE.match(text, start, end)
        if tag is None and not _is_decoration(text[start]):
            break
        start = start + 1 if tag is None else tag.end()
    while start < end:
        tag = _TAG_BEHIND.search(text, max(start, end - _LONGEST_TAG), end)
        if tag is None and not _is_decoration(text[end - 1]):
            break
        end = end - 1 if tag is None else tag.start()
    return text[:start], text[start:end], text[end:]


def cut(text: str, size: Callable[[str], int], limit: int) -> Optional[List[str]]:
    """The text in pieces whose size is within the limit; None where a single word is too large."""
    return _cut(text, size, limit, level=0)


def _cut(text: str, size: Callable[[str], int], limit: int, level: int) -> Optional[List[str]]:
    if size(text) <= limit:
        return [text]
    if level == len(_CUTS):
        return None
    pieces: List[str] = []
    for part in filter(None, _CUTS[level].split(text)):
        longer = f"{pieces[-1]} {part}" if pieces else part
        if pieces and size(longer) <= limit:
            pieces[-1] = longer
            continue
        smaller = _cut(part, size, limit, level + 1)
        if smaller is None:
            return None
        pieces += smaller
    return pieces


def _is_decoration(character: str) -> bool:
    if character.isascii():
        return character.isspace()
    return unicodedata.category(character)[0] in "SZ" or character in _JOINERS


def _printable(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    category = unicodedata.category(character)
    if category == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    return " " if category in ("Cc", "Zl", "Zp", "Zs") else character
