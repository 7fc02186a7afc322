"""Decides what goes into the finished film; starts nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from streams import MediaFile, Stream

from shared.languages import bibliographic, terminologic

_MP4_ENDINGS = (".mp4", ".m4v")
_CHAPTER_TITLES = "bin_data"  # an MP4's stream of them; the chapters themselves are copied
_IMAGE_TYPES = {"mjpeg": "jpeg", "png": "png"}


@dataclass(frozen=True)
class Container:
    """A kind of file. `subtitles` says how each subtitle codec gets in; others do not."""

    ending: str
    muxer: str
    subtitles: Dict[str, str]
    new_subtitle: str
    language_code: Callable[[str], Optional[str]]
    holds_attachments: bool
    options: Tuple[str, ...] = ()


MKV = Container(
    ending="mkv",
    muxer="matroska",
    subtitles={
        **dict.fromkeys(("subrip", "ass", "ssa", "webvtt"), "copy"),
        **dict.fromkeys(("hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"), "copy"),
        **dict.fromkeys(("mov_text", "text"), "srt"),
    },
    new_subtitle="subrip",
    language_code=bibliographic,
    holds_attachments=True,
)
MP4 = Container(
    ending="mp4",
    muxer="mp4",
    subtitles={
        **dict.fromkeys(("mov_text", "dvd_subtitle"), "copy"),
        **dict.fromkeys(("subrip", "ass", "ssa", "webvtt", "text"), "mov_text"),
    },
    new_subtitle="mov_text",
    language_code=terminologic,
    holds_attachments=False,
    options=("-movflags", "+faststart"),
)


@dataclass(frozen=True)
class Subtitle:
    """A subtitle file to be added; `language` is as its name says, `cues` how many it has."""

    path: Path
    language: str
    cues: int


@dataclass(frozen=True)
class Plan:
    """What the finished film will hold: `kept` in order, then `added`, then `covers`."""

    media: MediaFile
    container: Container
    kept: Tuple[Stream, ...]
    covers: Tuple[Stream, ...]
    added: Tuple[Subtitle, ...]
    left_out: Tuple[Stream, ...]

    def kept_of_kind(self, kind: str) -> Tuple[Stream, ...]:
        """The kept streams of one kind, in order."""
        return tuple(stream for stream in self.kept if stream.kind == kind)

    def language_of(self, subtitle: Subtitle) -> str:
        """The language as the container spells it; "und" (undetermined) for no known one."""
        return self.container.language_code(subtitle.language) or "und"


def choose_container(wish: str, media: Path) -> Container:
    """The container that MUX_CONTAINER asks for: auto, mkv or mp4."""
    if wish == "auto":
        return MP4 if media.suffix.lower() in _MP4_ENDINGS else MKV
    return {"mkv": MKV, "mp4": MP4}[wish]


def make_plan(media: MediaFile, container: Container, subtitles: Sequence[Subtitle]) -> Plan:
    """Everything of the film that the container can hold, and every subtitle that has a cue."""
    kept: List[Stream] = []
    covers: List[Stream] = []
    left_out: List[Stream] = []
    for stream in media.streams:
        if container.holds_attachments and stream.is_cover and stream.codec in _IMAGE_TYPES:
            covers.append(stream)  # in Matroska a cover is an attachment, not a stream
        elif _fits(stream, container):
            kept.append(stream)
        elif not (media.has_chapters and stream.codec == _CHAPTER_TITLES):
            left_out.append(stream)
    return Plan(
        media=media,
        container=container,
        kept=tuple(kept),
        covers=tuple(covers),
        added=tuple(subtitle for subtitle in subtitles if subtitle.cues),
        left_out=tuple(left_out),
    )


def image_type(cover: Stream) -> str:
    """jpeg or png, as in image/png."""
    return _IMAGE_TYPES[cover.codec]


def language_in_name(subtitle: Path) -> str:
    """The language in a name such as `film.es.srt`."""
    return subtitle.stem.rpartition(".")[2]


def _fits(stream: Stream, container: Container) -> bool:
    if stream.kind == "subtitle":
        return stream.codec in container.subtitles
    if stream.kind == "attachment":
        return container.holds_attachments
    return stream.kind in ("video", "audio")
