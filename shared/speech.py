"""Where in a recording somebody speaks, in the one shape in which the stages hand it on."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence, Tuple


class SpeechError(Exception):
    """The file is no list of speech segments; the message names the place."""


@dataclass(frozen=True)
class Speech:
    """A stretch in which somebody speaks, in seconds from the recording's start."""

    start: float
    end: float


def write_speech(segments: Sequence[Speech], path: Path) -> None:
    """Writes the stretches as JSON, in the given order."""
    document = {"segments": [asdict(segment) for segment in segments]}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_speech(path: Path) -> Tuple[Speech, ...]:
    """The stretches in a JSON file, in order of time, none empty.

    Raises SpeechError when the file does not have the shape that the stages agreed on.
    """
    place = "the file"
    try:
        segments = []
        for number, entry in enumerate(json.loads(path.read_text(encoding="utf-8"))["segments"]):
            place = f"segments[{number}]"
            segments.append(_speech(entry))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        message = (
            f"{path.name} is no list of speech segments: {place}: {type(error).__name__}: {error}."
            " Run the stage that wrote it again."
        )
        raise SpeechError(message) from error
    found = sorted(segments, key=lambda segment: segment.start)
    return tuple(segment for segment in found if segment.start < segment.end)


def _speech(entry: Mapping[str, Any]) -> Speech:
    times = (float(entry["start"]), float(entry["end"]))
    if not all(map(math.isfinite, times)):
        message = f"{times} are no times"
        raise ValueError(message)
    return Speech(*times)
