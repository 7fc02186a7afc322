"""What the subtitles must know of the film: its title, and how long a picture shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional

_USUAL_FRAME_RATE = 25.0
# Outside of these a file states no frame rate but the clock of its container.
_FRAME_RATES = (10.0, 150.0)


class FilmFactsError(Exception):
    """The file does not say what it should of the film; the message says what to do."""


@dataclass(frozen=True)
class FilmFacts:
    """The title, empty where unknown, and the pictures per second."""

    title: str = ""
    frame_rate: float = _USUAL_FRAME_RATE

    @property
    def two_frames_ms(self) -> int:
        """Two pictures in milliseconds, rounded up."""
        return -int(-2000 // self.frame_rate)


def read_film_facts(path: Optional[Path]) -> FilmFacts:
    """What 01_demux found out, or what is usual where that stage did not run.

    Raises FilmFactsError for a file that it did not write.
    """
    if path is None:
        return FilmFacts()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        streams = document.get("streams", [])
        rates = [_frame_rate(stream) for stream in streams if _is_picture(stream)]
        known = [rate for rate in rates if rate is not None]
        title = str(document.get("title", ""))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        message = (
            f"{path.name} does not describe a film: {type(error).__name__}: {error}. Run 01_demux"
            " again."
        )
        raise FilmFactsError(message) from error
    return FilmFacts(title, known[0] if known else _USUAL_FRAME_RATE)


def _is_picture(stream: Mapping[str, Any]) -> bool:
    is_cover = bool(stream.get("disposition", {}).get("attached_pic"))
    return stream.get("codec_type") == "video" and not is_cover


def _frame_rate(stream: Mapping[str, Any]) -> Optional[float]:
    """The rate that ffprobe writes as a fraction such as 24000/1001; None for no usual one."""
    for name in ("avg_frame_rate", "r_frame_rate"):
        above, _, below = str(stream.get(name, "")).partition("/")
        try:
            rate = float(above) / float(below or 1)
        except (ValueError, ZeroDivisionError):
            continue
        if _FRAME_RATES[0] <= rate <= _FRAME_RATES[1]:
            return rate
    return None
