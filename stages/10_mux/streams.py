"""What a media file holds, as ffprobe sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional, Tuple

from shared.ffmpeg import (
    FfmpegError,
    is_cover,
    packet_rows,
    probe,
    seconds_of_film,
    stated_seconds,
)

# In MP4 a pause between cues is a packet too: two bytes that say "no text".
_BYTES_OF_A_PAUSE = {"mov_text": 2}
# Subtitles in MP4 as TTML and WebVTT: ffprobe takes them for data without a codec.
_TAGS_OF_SUBTITLES = ("stpp", "wvtt")


class MuxError(Exception):
    """The film cannot be written; the message says why and what to do."""


@dataclass(frozen=True)
class Stream:
    """One stream; `kind` is video, audio, subtitle, attachment or data, `duration` in seconds.

    `marks` are named as ffmpeg names its dispositions.
    """

    index: int
    kind: str
    codec: str
    language: Optional[str] = None
    title: Optional[str] = None
    is_cover: bool = False
    marks: FrozenSet[str] = frozenset()
    duration: float = 0.0

    @property
    def is_default(self) -> bool:
        """Whether players show or play it by themselves."""
        return "default" in self.marks

    @property
    def is_forced(self) -> bool:
        """Whether it is meant to be shown even to those who want no subtitles."""
        return "forced" in self.marks

    @property
    def is_sdh(self) -> bool:
        """Whether it is meant for the deaf and hard of hearing."""
        return "hearing_impaired" in self.marks

    @property
    def words(self) -> str:
        """What it is, for people, such as "subtitle, ass, ger"."""
        kind = "cover" if self.is_cover else self.kind
        language = "" if self.language in (None, "und") else f", {self.language}"
        return f"{kind}, {self.codec}{language}"


@dataclass(frozen=True)
class MediaFile:
    """A media file's streams in order. Where picture and sound end, in seconds, is None where it
    is not stated; `start` is the time of its first packet.
    """

    path: Path
    streams: Tuple[Stream, ...]
    duration: Optional[float] = None
    has_chapters: bool = False
    start: float = 0.0

    def of_kind(self, kind: str) -> Tuple[Stream, ...]:
        """The streams of one kind, in order."""
        return tuple(stream for stream in self.streams if stream.kind == kind)

    @property
    def picture(self) -> Optional[Stream]:
        """The film's moving picture, None where it has only sound."""
        return next((s for s in self.of_kind("video") if not s.is_cover), None)

    def seconds_of_film(self) -> float:
        """How long picture and sound last; a subtitle may end after them."""
        film = [*self.of_kind("video"), *self.of_kind("audio")]
        return max((stream.duration for stream in film), default=0.0)


def read_media(path: Path) -> MediaFile:
    """What the file holds. Raises MuxError for one that ffprobe cannot make sense of."""
    try:
        document = probe(path)
    except FfmpegError as error:
        message = (
            f"{path.name} is empty, cut off or no media file: {error}. Copy or download it again."
        )
        raise MuxError(message) from error
    return MediaFile(
        path=path,
        streams=tuple(_stream(entry) for entry in document["streams"]),
        duration=seconds_of_film(document),
        has_chapters=bool(document["chapters"]),
        start=float(document["format"].get("start_time", 0)),
    )


def cue_times(film: MediaFile) -> Dict[int, List[float]]:
    """When each cue starts, in seconds, by the index of its subtitle stream."""
    times: Dict[int, List[float]] = {stream.index: [] for stream in film.of_kind("subtitle")}
    pauses = {stream.index: _BYTES_OF_A_PAUSE.get(stream.codec, 0) for stream in film.streams}
    for row in packet_rows(film.path, "stream_index,pts_time,size", "-select_streams", "s"):
        index = int(row.get("stream_index", -1))
        if index in times and int(row.get("size", 0)) > pauses[index]:
            times[index].append(float(row.get("pts_time", 0)))
    return times


def key_frame_before(media: MediaFile, seconds: float) -> float:
    """Where, in seconds of the film, a copy of the picture must begin that shows this moment."""
    if media.picture is None or seconds <= 0:
        return seconds
    where = ["-select_streams", str(media.picture.index)]
    where += ["-read_intervals", f"{media.start + seconds}%+#1"]
    row = next(packet_rows(media.path, "pts_time", *where), {})
    return min(seconds, float(row.get("pts_time", media.start + seconds)) - media.start)


def _stream(entry: Dict[str, Any]) -> Stream:
    tag = str(entry.get("codec_tag_string"))
    is_subtitle = "codec_name" not in entry and tag in _TAGS_OF_SUBTITLES
    return Stream(
        index=entry["index"],
        kind="subtitle" if is_subtitle else entry.get("codec_type", "data"),
        codec=tag if is_subtitle else entry.get("codec_name", "unknown"),
        language=entry.get("tags", {}).get("language"),
        title=entry.get("tags", {}).get("title"),
        is_cover=is_cover(entry),
        marks=frozenset(mark for mark, is_set in entry.get("disposition", {}).items() if is_set),
        duration=stated_seconds(entry),
    )
