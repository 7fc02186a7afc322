"""What was said, in the one shape in which the stages hand it on: a JSON file of segments."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

TIMINGS = ("recognised", "aligned", "interpolated", "given")


class TranscriptError(Exception):
    """The file is no transcript; the message names the place."""


@dataclass(frozen=True)
class Word:
    """A word as it is to be read; times in seconds, confidence from 0 to 1 or unknown.

    ``timing`` says where the times come from: one of ``TIMINGS``.
    """

    word: str
    start: float
    end: float
    confidence: Optional[float] = None
    timing: str = "recognised"


@dataclass(frozen=True)
class Segment:
    """What was said without a pause; times in seconds, confidence from 0 to 1 or unknown.

    ``suspect`` is the reason to doubt that it was said at all. In a translation ``source_text`` is
    what was translated, and ``untranslated`` the reason why ``text`` is empty.
    """

    start: float
    end: float
    text: str
    confidence: Optional[float] = None
    words: Tuple[Word, ...] = ()
    suspect: Optional[str] = None
    source_text: Optional[str] = None
    untranslated: Optional[str] = None


@dataclass(frozen=True)
class Transcript:
    """All that was said, in one language, in the order in which it was said."""

    language: str
    segments: Tuple[Segment, ...]


def write_transcript(transcript: Transcript, path: Path) -> None:
    """Writes the transcript as JSON; the same transcript always gives the same bytes."""
    document = {
        "language": transcript.language,
        "segments": [_segment_entry(segment) for segment in transcript.segments],
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    # A lone surrogate has no UTF-8; it can come from a user's own file only.
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


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
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        message = (
            f"{path.name} is no transcript: {place}: {type(error).__name__}: {error}. Run the"
            " stage that wrote it again, or mend the file if it is your own."
        )
        raise TranscriptError(message) from error
    return Transcript(language=language, segments=tuple(segments))


def _segment_entry(segment: Segment) -> Dict[str, Any]:
    entry = _known(vars(segment))
    entry["words"] = [_known(vars(word)) for word in segment.words]
    return entry


def _known(fields: Mapping[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _segment(entry: Mapping[str, Any]) -> Segment:
    return Segment(
        text=_text(entry["text"]),
        **_span(entry),
        confidence=_optional_number(entry.get("confidence")),
        words=tuple(_word(word) for word in entry.get("words") or ()),
        suspect=_optional_text(entry.get("suspect")),
        source_text=_optional_text(entry.get("source_text")),
        untranslated=_optional_text(entry.get("untranslated")),
    )


def _word(entry: Mapping[str, Any]) -> Word:
    return Word(
        word=_text(entry["word"]),
        **_span(entry),
        confidence=_optional_number(entry.get("confidence")),
        timing=_text(entry.get("timing", "given")),
    )


def _span(entry: Mapping[str, Any]) -> Dict[str, float]:
    return {"start": _number(entry["start"]), "end": _number(entry["end"])}


def _text(value: object) -> str:
    if not isinstance(value, str):
        message = f"{value!r} is not text"
        raise TypeError(message)
    return value


def _optional_text(value: object) -> Optional[str]:
    return None if value is None else _text(value)


def _number(value: object) -> float:
    # JSON as Python reads it knows NaN and Infinity, which are no times.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        message = f"{value!r} is not a number"
        raise ValueError(message)
    return float(value)


def _optional_number(value: object) -> Optional[float]:
    return None if value is None else _number(value)
