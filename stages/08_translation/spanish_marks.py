"""The marks with which Spanish opens questions and exclamations, and which Apertium leaves out."""

from __future__ import annotations

import re

from text_pieces import has_words, undecorated

_BETWEEN_SENTENCES = re.compile(r"((?<=[.!?…])\s+)")
_ENDS = {"?": "¿", "!": "¡"}
_OPENING = re.compile(r"[\s\"'«“(\-–—]*")  # noqa: RUF001 (typographic dashes are meant)
_CLOSING = "\"'»”)"


def with_opening_marks(text: str) -> str:
    """The Spanish text with ¿ and ¡ where a sentence ends in ? or ! and has neither."""
    return "".join(map(_opened, _BETWEEN_SENTENCES.split(text)))


def _opened(sentence: str) -> str:
    before, said, behind = undecorated(sentence)
    end = said.rstrip(_CLOSING)[-1:]
    if end not in _ENDS or not has_words(said) or any(mark in said for mark in _ENDS.values()):
        return sentence
    opening = _OPENING.match(said)
    start = opening.end() if opening else 0
    return before + said[:start] + _ENDS[end] + said[start:] + behind
