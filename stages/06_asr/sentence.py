"""Bare words, as an engine gives them, written as a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from shared.transcript import Segment, Word


def as_sentence(words: Sequence[Word]) -> Segment:
    """A segment of at least one bare word, written as a sentence: capital, I, full stop."""
    texts = [_with_capital_i(word.word) for word in words]
    texts[0] = texts[0][:1].upper() + texts[0][1:]
    texts[-1] += "."
    written = tuple(
        replace(word, word=text)
        for text, word in zip(texts, words)  # noqa: B905 (strict= came with Python 3.10)
    )
    return Segment(
        start=words[0].start,
        end=words[-1].end,
        text=" ".join(texts),
        confidence=round(sum(word.confidence or 0.0 for word in words) / len(words), 3),
        words=written,
    )


def _with_capital_i(word: str) -> str:
    return "I" + word[1:] if word == "i" or word.startswith("i'") else word
