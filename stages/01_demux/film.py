"""What is in a media file, as ffprobe sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from shared.ffmpeg import FfmpegError, packet_rows, probe, seconds_of_film, seconds_of_streams
from shared.languages import same_language

# Tracks that accompany the film's own sound, and are meant only when they are named by number.
_EXTRAS = ("comment", "visual_impaired", "descriptions")
_ALL_KINDS = ("video", "audio", "subtitle", "data", "attachment")


class MediaError(Exception):
    """The film cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class AudioTrack:
    """One audio track: `number` counts audio tracks from 0, `stream` counts all of the file's."""

    number: int
    stream: int
    codec: str
    channels: int
    rate_hz: int
    language: Optional[str]
    is_default: bool
    layout: Optional[str] = None
    is_extra: bool = False

    def __str__(self) -> str:
        extra = ", commentary or description" if self.is_extra else ""
        return f"{self.number} ({self.language or 'no language'}, {self.channels} channels{extra})"


@dataclass(frozen=True)
class Film:
    """A media file that ffprobe could read. `duration` is in seconds and None where not stated."""

    path: Path
    document: Dict[str, Any]
    duration: Optional[float]
    audio_tracks: Tuple[AudioTrack, ...]

    @property
    def stated_end(self) -> Optional[float]:
        """Where picture and sound end, written by who made the file, so that less is damage."""
        return seconds_of_film(self.document)


def read_film(path: Path) -> Film:
    """What the file holds.

    Raises MediaError for a file that is empty or that ffprobe cannot make sense of.
    """
    if path.stat().st_size == 0:
        message = f"{path.name} is empty (0 bytes). Copy or download the film again."
        raise MediaError(message)
    try:
        document = probe(path)
    except FfmpegError as error:
        message = (
            f"{path.name} is not a media file that ffmpeg can read, or it is cut off: {error}."
            " Play it to see; if that works nowhere either, copy or download it again."
        )
        raise MediaError(message) from error
    document["format"]["filename"] = path.name  # the path is the machine's, not the film's
    duration = document["format"].get("duration")
    return Film(
        path=path,
        document=document,
        duration=float(duration) if duration is not None else None,
        audio_tracks=tuple(_audio_tracks(document["streams"])),
    )


def choose_track(film: Film, wanted: str) -> AudioTrack:
    """The track that AUDIO_TRACK names by number or language; without a wish the default one.

    Of several the default one, and a commentary only where there is nothing else.

    Raises MediaError for a film without sound and for a wish that no track fulfils.
    """
    if not film.audio_tracks:
        kinds = [str(stream.get("codec_type")) for stream in film.document["streams"]]
        message = (
            f"{film.path.name} has no audio track; it holds: {', '.join(kinds) or 'nothing'}."
            " Choose a file with sound."
        )
        raise MediaError(message)
    for track in film.audio_tracks:
        if wanted.strip() == str(track.number):
            return track
    fitting = [
        track
        for track in film.audio_tracks
        if not wanted.strip() or same_language(wanted, track.language)
    ]
    if fitting:
        return min(fitting, key=lambda track: (track.is_extra, not track.is_default))
    message = (
        f"AUDIO_TRACK is {wanted!r}, and {film.path.name} has no such track. It has:"
        f" {', '.join(str(track) for track in film.audio_tracks)}. Set a number or a language."
    )
    raise MediaError(message)


def last_moment(film: Film) -> float:
    """Seconds at which the last packet in the file ends, found by reading all of it."""
    # A subtitle may last to the end of a film that is cut off.
    kinds = _ALL_KINDS if seconds_of_streams(film.document) is None else ("video", "audio")
    ends = (
        float(row.get("pts_time", 0)) + float(row.get("duration_time", 0))
        for row in packet_rows(film.path, "codec_type,pts_time,duration_time")
        if row.get("codec_type") in kinds
    )
    return max(ends, default=0.0) - float(film.document["format"].get("start_time", 0))


def _audio_tracks(streams: List[Dict[str, Any]]) -> List[AudioTrack]:
    return [
        AudioTrack(
            number=number,
            stream=stream["index"],
            codec=stream.get("codec_name", "unknown"),
            channels=int(stream.get("channels", 0)),
            rate_hz=int(stream.get("sample_rate", 0)),
            language=stream.get("tags", {}).get("language"),
            is_default=bool(stream.get("disposition", {}).get("default")),
            layout=stream.get("channel_layout"),
            is_extra=any(stream.get("disposition", {}).get(name) for name in _EXTRAS),
        )
        for number, stream in enumerate(s for s in streams if s.get("codec_type") == "audio")
    ]
