"""What was said, in the one shape in which the project's stages hand it on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Sequence, Tuple


@dataclass(frozen=True)
class Word:
    """A word as it is to be read; times in seconds, confidence from 0 to 1."""

    word: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Segment:
    """What was said without a pause; times in seconds, confidence from 0 to 1."""

    start: float
    end: float
    text: str
    confidence: float
    words: Tuple[Word, ...]


@dataclass(frozen=True)
class Transcript:
    """All that was said in one language."""

    language: str
    segments: Tuple[Segment, ...]


def as_sentence(words: Sequence[Word]) -> Segment:
    """A segment of at least one bare word, written as a sentence: capital, I, full stop."""
    texts = [_with_capital_i(word.word) for word in words]
    texts[0] = texts[0][:1].upper() + texts[0][1:]
    texts[-1] += "."
    written = tuple(
        Word(text, word.start, word.end, word.confidence)
        for text, word in zip(texts, words)  # noqa: B905 (strict= came with Python 3.10)
    )
    return Segment(
        start=words[0].start,
        end=words[-1].end,
        text=" ".join(texts),
        confidence=round(sum(word.confidence for word in words) / len(words), 3),
        words=written,
    )


def write_transcript(transcript: Transcript, path: Path) -> None:
    """Writes the transcript as JSON; the same transcript always gives the same bytes."""
    text = json.dumps(asdict(transcript), ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _with_capital_i(word: str) -> str:
    return "I" + word[1:] if word == "i" or word.startswith("i'") else word
