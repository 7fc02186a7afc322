"""The part of a film that a job is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

_TIME = re.compile(r"(?:(?:(\d+):)?([0-5]?\d):)?(\d+(?:\.\d+)?)")
_SECONDS_IN_A_MINUTE = 60


class ClipError(ValueError):
    """CLIP_START or CLIP_END cannot be used."""


@dataclass(frozen=True)
class Clip:
    """From `start` to `end` in seconds of the film; no `end` means the film's own."""

    start: float = 0.0
    end: Optional[float] = None

    @property
    def is_whole_film(self) -> bool:
        """Whether nothing is cut off."""
        return self.start == 0 and self.end is None

    def length_within(self, film_duration: Optional[float]) -> Optional[float]:
        """Seconds that the clip lasts in a film of this length; None where nobody knows."""
        ends = [end for end in (self.end, film_duration) if end is not None]
        return max(0.0, min(ends) - self.start) if ends else None


def read_clip(start: str, end: str) -> Clip:
    """The clip that CLIP_START and CLIP_END describe; empty texts mean the film's own limits.

    Raises ClipError for a text that is no time, and for an end that does not come after the start.
    """
    clip = Clip(
        start=_seconds("CLIP_START", start) if start.strip() else 0.0,
        end=_seconds("CLIP_END", end) if end.strip() else None,
    )
    if clip.end is not None and clip.end <= clip.start:
        message = (
            f"CLIP_END ({end}) does not come after CLIP_START ({start or '0'}), so the clip is"
            " empty. Set an end that is later than the start."
        )
        raise ClipError(message)
    return clip


def _seconds(key: str, text: str) -> float:
    match = _TIME.fullmatch(text.strip())
    if match is None or (match[2] and float(match[3]) >= _SECONDS_IN_A_MINUTE):
        message = (
            f"{key} is {text!r}, which is no time. Write seconds (90 or 12.5) or"
            " [hours:]minutes:seconds (1:30 or 0:01:30.5)."
        )
        raise ClipError(message)
    hours, minutes = int(match[1] or 0), int(match[2] or 0)
    return (hours * _SECONDS_IN_A_MINUTE + minutes) * _SECONDS_IN_A_MINUTE + float(match[3])
