"""What is in a media file, as ffprobe sees it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from shared.languages import same_language

# These containers say in a header how long they last. Others are estimated from their bit rate.
_CONTAINERS_WITH_A_STATED_DURATION = {"matroska", "webm", "mov", "mp4", "avi", "flv", "asf", "wav"}


class MediaError(Exception):
    """The film cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class AudioTrack:
    """One audio track: `number` counts audio tracks from 0, `stream` counts all of the file's."""

    number: int
    stream: int
    codec: str
    channels: int
    sample_rate: int
    language: Optional[str]
    is_default: bool

    def __str__(self) -> str:
        return f"{self.number} ({self.language or 'no language'}, {self.channels} channels)"


@dataclass(frozen=True)
class Film:
    """A media file that ffprobe could read. `duration` is in seconds and None where not stated."""

    path: Path
    document: Dict[str, Any]
    duration: Optional[float]
    audio_tracks: Tuple[AudioTrack, ...]

    @property
    def states_its_duration(self) -> bool:
        """Whether the duration was written by who made the file, so that less means damage."""
        names = str(self.document["format"].get("format_name", "")).split(",")
        return self.duration is not None and not _CONTAINERS_WITH_A_STATED_DURATION.isdisjoint(
            names
        )


def read_film(path: Path) -> Film:
    """What the file holds.

    Raises MediaError for a file that is empty or that ffprobe cannot make sense of.
    """
    if path.stat().st_size == 0:
        message = f"{path.name} is empty (0 bytes). Copy or download the film again."
        raise MediaError(message)
    document = _probe(path)
    duration = document["format"].get("duration")
    return Film(
        path=path,
        document=document,
        duration=float(duration) if duration is not None else None,
        audio_tracks=tuple(_audio_tracks(document["streams"])),
    )


def choose_track(film: Film, wanted: str) -> AudioTrack:
    """The track that AUDIO_TRACK names by number or language; without a wish the default one.

    Raises MediaError for a film without sound and for a wish that no track fulfils.
    """
    if not film.audio_tracks:
        kinds = [str(stream.get("codec_type")) for stream in film.document["streams"]]
        message = (
            f"{film.path.name} has no audio track; it holds: {', '.join(kinds) or 'nothing'}."
            " Choose a file with sound."
        )
        raise MediaError(message)
    if not wanted.strip():
        defaults = [track for track in film.audio_tracks if track.is_default]
        return (defaults or list(film.audio_tracks))[0]
    for track in film.audio_tracks:
        if wanted.strip() == str(track.number) or same_language(wanted, track.language):
            return track
    message = (
        f"AUDIO_TRACK is {wanted!r}, and {film.path.name} has no such track. It has:"
        f" {', '.join(str(track) for track in film.audio_tracks)}. Set a number or a language."
    )
    raise MediaError(message)


def last_moment(film: Film) -> float:
    """Seconds at which the last packet in the file ends, found by reading all of it."""
    command = ["ffprobe", "-v", "quiet", "-show_entries", "packet=pts_time,duration_time"]
    command += ["-of", "csv=print_section=0", f"file:{film.path}"]
    latest = 0.0
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                latest = max(latest, _end_of_packet(line.decode("ascii", "replace")))
        except BaseException:  # a TERM arrives as SystemExit; ffprobe must not outlive the stage
            process.kill()
            raise
    return latest


def _end_of_packet(csv_line: str) -> float:
    """Start plus duration; ffprobe writes N/A for what the packet does not say."""
    numbers = [field for field in csv_line.strip().split(",") if field not in ("", "N/A")]
    return sum(float(number) for number in numbers)


def _probe(path: Path) -> Dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-of", "json"]
    command += ["-show_error", "-show_format", "-show_streams", "-show_chapters", f"file:{path}"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    document: Dict[str, Any] = json.loads(result.stdout.decode("utf-8", "replace") or "{}")
    if result.returncode != 0 or "format" not in document:
        reason = document.get("error", {}).get("string") or f"exit code {result.returncode}"
        message = (
            f"{path.name} is not a media file that ffmpeg can read, or it is cut off: {reason}."
            " Play it to see; if that works nowhere either, copy or download it again."
        )
        raise MediaError(message)
    document["format"]["filename"] = path.name  # the path is the machine's, not the film's
    return document


def _audio_tracks(streams: List[Dict[str, Any]]) -> List[AudioTrack]:
    return [
        AudioTrack(
            number=number,
            stream=stream["index"],
            codec=stream.get("codec_name", "unknown"),
            channels=int(stream.get("channels", 0)),
            sample_rate=int(stream.get("sample_rate", 0)),
            language=stream.get("tags", {}).get("language"),
            is_default=bool(stream.get("disposition", {}).get("default")),
        )
        for number, stream in enumerate(s for s in streams if s.get("codec_type") == "audio")
    ]
