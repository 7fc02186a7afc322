"""What a media file holds, as ffprobe sees it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

# In MP4 a pause between cues is a packet too: two bytes that say "no text".
_BYTES_OF_A_PAUSE = {"mov_text": 2}


class MuxError(Exception):
    """The film cannot be written; the message says why and what to do."""


@dataclass(frozen=True)
class Stream:
    """One stream; `kind` is video, audio, subtitle, attachment or data."""

    index: int
    kind: str
    codec: str
    language: Optional[str] = None
    is_cover: bool = False
    is_default: bool = False

    def __str__(self) -> str:
        return f"stream {self.index} ({self.kind}, {self.codec})"


@dataclass(frozen=True)
class MediaFile:
    """A media file's streams in order, and its duration in seconds, None where not stated."""

    path: Path
    streams: Tuple[Stream, ...]
    duration: Optional[float]

    def of_kind(self, kind: str) -> Tuple[Stream, ...]:
        """The streams of one kind, in order."""
        return tuple(stream for stream in self.streams if stream.kind == kind)


def read_media(path: Path) -> MediaFile:
    """What the file holds. Raises MuxError for one that ffprobe cannot make sense of."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_error"]
    command += ["-show_format", "-show_streams", f"file:{path}"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    document: Dict[str, Any] = json.loads(result.stdout.decode("utf-8", "replace") or "{}")
    if result.returncode != 0 or "format" not in document:
        reason = document.get("error", {}).get("string") or f"exit code {result.returncode}"
        message = (
            f"{path.name} is empty, cut off or no media file: {reason}. Copy or download it again."
        )
        raise MuxError(message)
    duration = document["format"].get("duration")
    return MediaFile(
        path=path,
        streams=tuple(_stream(entry) for entry in document["streams"]),
        duration=float(duration) if duration is not None else None,
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


def _stream(entry: Dict[str, Any]) -> Stream:
    disposition = entry.get("disposition", {})
    return Stream(
        index=entry["index"],
        kind=entry.get("codec_type", "data"),
        codec=entry.get("codec_name", "unknown"),
        language=entry.get("tags", {}).get("language"),
        is_cover=bool(disposition.get("attached_pic")),
        is_default=bool(disposition.get("default")),
    )
