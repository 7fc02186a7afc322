"""Reads the transcripts that earlier stages write."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Tuple


class TranscriptError(Exception):
    """The file is no transcript; the message names the place."""


@dataclass(frozen=True)
class Word:
    """A word and when it is spoken, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Segment:
    """What is said between two pauses, in seconds; the words may be unknown."""

    text: str
    start: float
    end: float
    words: Tuple[Word, ...] = ()


@dataclass(frozen=True)
class Transcript:
    """All that is said, in one language."""

    language: str
    segments: Tuple[Segment, ...]


def read_transcript(path: Path) -> Transcript:
    """The transcript in a JSON file.

    Raises TranscriptError when the file does not have the shape that the stages agreed on.
    """
    place = "the file"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        place = "language"
        language = _text(document["language"])
        segments = []
        for number, entry in enumerate(document["segments"]):
            place = f"segments[{number}]"
            segments.append(_segment(entry))
    except (ValueError, TypeError, KeyError) as error:
        message = (
            f"{path.name} is no transcript: {place}: {type(error).__name__}: {error}. Run the"
            " stage that wrote it again."
        )
        raise TranscriptError(message) from error
    return Transcript(language=language, segments=tuple(segments))


def _segment(entry: Dict[str, Any]) -> Segment:
    words = tuple(
        Word(text=_text(word["word"]), start=_seconds(word["start"]), end=_seconds(word["end"]))
        for word in entry.get("words") or ()
    )
    return Segment(
        text=_text(entry["text"]),
        start=_seconds(entry["start"]),
        end=_seconds(entry["end"]),
        words=words,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        message = f"{value!r} is not text"
        raise TypeError(message)
    return value


def _seconds(value: object) -> float:
    # JSON as Python reads it knows NaN and Infinity, which are no times.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        message = f"{value!r} is no time in seconds"
        raise ValueError(message)
    return float(value)
