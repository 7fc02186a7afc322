"""What a media file holds, as ffprobe sees it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

# In MP4 a pause between cues is a packet too: two bytes that say "no text".
_BYTES_OF_A_PAUSE = {"mov_text": 2}
# These containers say in a header how long they last. Others are estimated from their bit rate.
_CONTAINERS_WITH_A_STATED_DURATION = {"matroska", "webm", "mov", "mp4", "avi", "flv", "asf", "wav"}


class MuxError(Exception):
    """The film cannot be written; the message says why and what to do."""


@dataclass(frozen=True)
class Stream:
    """One stream; `kind` is video, audio, subtitle, attachment or data, `duration` in seconds."""

    index: int
    kind: str
    codec: str
    language: Optional[str] = None
    is_cover: bool = False
    is_default: bool = False
    duration: float = 0.0

    def __str__(self) -> str:
        return f"stream {self.index} ({self.kind}, {self.codec})"


@dataclass(frozen=True)
class MediaFile:
    """A media file's streams in order. The duration, in seconds, is None where none is stated."""

    path: Path
    streams: Tuple[Stream, ...]
    duration: Optional[float] = None
    has_chapters: bool = False

    def of_kind(self, kind: str) -> Tuple[Stream, ...]:
        """The streams of one kind, in order."""
        return tuple(stream for stream in self.streams if stream.kind == kind)

    def seconds_of_film(self) -> float:
        """How long picture and sound last; a subtitle may end after them."""
        film = [*self.of_kind("video"), *self.of_kind("audio")]
        return max((stream.duration for stream in film), default=0.0)


def read_media(path: Path) -> MediaFile:
    """What the file holds. Raises MuxError for one that ffprobe cannot make sense of."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_error"]
    command += ["-show_format", "-show_streams", "-show_chapters", f"file:{path}"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    document: Dict[str, Any] = json.loads(result.stdout.decode("utf-8", "replace") or "{}")
    if result.returncode != 0 or "format" not in document:
        reason = document.get("error", {}).get("string") or f"exit code {result.returncode}"
        message = (
            f"{path.name} is empty, cut off or no media file: {reason}. Copy or download it again."
        )
        raise MuxError(message)
    return MediaFile(
        path=path,
        streams=tuple(_stream(entry) for entry in document["streams"]),
        duration=_stated_duration(document["format"]),
        has_chapters=bool(document["chapters"]),
    )


def count_cues(path: Path, stream: int = 0) -> int:
    """How many cues a subtitle stream of the file holds; 0 also for a file without any."""
    command = ["ffprobe", "-v", "quiet", "-select_streams", str(stream), "-of", "csv=p=0"]
    command += ["-show_entries", "stream=codec_name:packet=size", f"file:{path}"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    lines = result.stdout.decode("ascii", "replace").split()
    sizes = [int(line) for line in lines if line.isdigit()]
    codec = next((line for line in lines if not line.isdigit()), "")
    return sum(size > _BYTES_OF_A_PAUSE.get(codec, 0) for size in sizes)


def _stated_duration(entry: Dict[str, Any]) -> Optional[float]:
    containers = str(entry.get("format_name", "")).split(",")
    if "duration" not in entry or _CONTAINERS_WITH_A_STATED_DURATION.isdisjoint(containers):
        return None
    return float(entry["duration"])


def _stream(entry: Dict[str, Any]) -> Stream:
    disposition, tags = entry.get("disposition", {}), entry.get("tags", {})
    return Stream(
        index=entry["index"],
        kind=entry.get("codec_type", "data"),
        codec=entry.get("codec_name", "unknown"),
        language=tags.get("language"),
        is_cover=bool(disposition.get("attached_pic")),
        is_default=bool(disposition.get("default")),
        duration=_seconds(str(entry.get("duration") or tags.get("DURATION") or "0")),
    )


def _seconds(time: str) -> float:
    """From 4.5, or from 00:00:04.500000000, as a Matroska file's tags have it."""
    seconds = 0.0
    for part in time.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
