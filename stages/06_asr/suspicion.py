"""Marks what was probably never said: engines make text up in noise, and get caught in loops.

Nothing is dropped, and no list of phrases decides: "Okay." and "Thank you." are said in films.
"""

from __future__ import annotations

import unicodedata
import zlib
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Iterable, Iterator, Optional, Tuple

from shared.transcript import Segment

# Less than this may be repeated: people do say "No, no, no, no!".
_LEAST_REPEATED_CHARACTERS = 30
# No engine writes more into one segment; somebody else's text may, and time grows with both.
_LONGEST_LOOKED_AT = 4000
_LONGEST_PHRASE = 200
_CHARACTERS_IN_A_BYTE = 256


@dataclass(frozen=True)
class Limits:
    """What a segment may look like before it is doubted.

    Confidence from 0 to 1; how many times shorter compression may make a text; how often in a row
    the same may be said.
    """

    confidence: float
    compression_ratio: float
    repeats: int


def mark_suspects(segments: Iterable[Segment], limits: Limits) -> Tuple[Segment, ...]:
    """The same segments, each that is doubted with the reason; a reason that is there stays."""
    marked = []
    for text, group in groupby(segments, key=lambda segment: plain_text(segment.text)):
        in_a_row = list(group)
        repeated = _repeated_segments(text, len(in_a_row), limits)
        for segment in in_a_row:
            reason = segment.suspect or repeated or _doubt(segment, text, limits)
            marked.append(replace(segment, suspect=reason) if reason else segment)
    return tuple(marked)


def plain_text(text: str) -> str:
    """Letters, their marks and digits alone, in lower case: what two sayings are compared by."""
    return "".join(character for character in text.casefold() if _counts(character))


def compression_ratio(text: str) -> float:
    """How many times shorter a text becomes by compression; a loop becomes very short.

    Every character counts as one byte in every script. As UTF-8, Devanagari has three bytes a
    character, two of them always the same, so that ordinary Hindi would look like a loop.
    """
    if not text:
        return 0.0
    numbers = {character: number for number, character in enumerate(sorted(set(text)))}
    width = 1 if len(numbers) <= _CHARACTERS_IN_A_BYTE else 3
    data = b"".join(numbers[character].to_bytes(width, "big") for character in text)
    return len(data) / len(zlib.compress(data))


def repeated_phrase(text: str, more_than: int) -> Optional[Tuple[str, int]]:
    """The shortest phrase that a plain text says more often in a row than that, and how often."""
    text = text[:_LONGEST_LOOKED_AT]
    for length in range(1, min(_LONGEST_PHRASE, len(text) // (more_than + 1)) + 1):
        least = max(length * (more_than + 1), _LEAST_REPEATED_CHARACTERS)
        for start, end in _stretches(text, length):
            if end - start >= least:
                return text[start : start + length], (end - start) // length
    return None


def _stretches(text: str, length: int) -> Iterator[Tuple[int, int]]:
    """Where a text goes on as it was `length` characters before: start and end of each."""
    start = 0
    for position in range(length, len(text)):
        if text[position] != text[position - length]:
            yield start, position
            start = position - length + 1
    yield start, len(text)


def _counts(character: str) -> bool:
    # Letters, numbers, and marks such as the vowel signs of Devanagari.
    return unicodedata.category(character)[0] in "LMN"


def _repeated_segments(text: str, times: int, limits: Limits) -> Optional[str]:
    if not text or times <= limits.repeats:
        return None
    return f"the same text {times} times in a row"


def _doubt(segment: Segment, text: str, limits: Limits) -> Optional[str]:
    if segment.confidence is not None and segment.confidence < limits.confidence:
        return f"the engine is unsure: confidence {segment.confidence:.2f}"
    loop = repeated_phrase(text, limits.repeats)
    if loop is not None:
        return f"a loop: the same {len(loop[0])} letters {loop[1]} times in a row"
    ratio = compression_ratio(segment.text)
    if ratio > limits.compression_ratio:
        return f"a loop: compression makes the text {ratio:.1f} times shorter"
    return None
