"""The kinds of file that a film can be written as, and what each of them can hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, FrozenSet, Optional, Tuple

from streams import Stream

from shared.languages import bibliographic, terminologic

_MP4_ENDINGS = (".mp4", ".m4v")
_TEXTS = ("subrip", "ass", "ssa", "webvtt", "text", "mov_text", "eia_608")
_IMAGE_TYPES = {"mjpeg": "jpeg", "png": "png", "gif": "gif", "tiff": "tiff"}


@dataclass(frozen=True)
class Container:
    """A kind of file.

    `codecs` are those of picture and sound that it holds, None where it holds nearly all;
    `subtitles` says how each subtitle codec gets in, and others do not. New subtitles come as
    WebVTT or SRT and get in as `new_subtitle`. `title_tag` is where players find a track's title,
    `hides_lead` whether what comes before a clip is not shown, `shows_one_cue` whether a cue
    ends where the next one starts. `covers` are the images that it holds as covers, and
    `attaches_covers` says whether they get in as attachments instead of streams.
    """

    ending: str
    muxer: str
    codecs: Optional[FrozenSet[str]]
    subtitles: Dict[str, str]
    new_subtitle: str
    takes_webvtt: bool
    language_code: Callable[[str], Optional[str]]
    title_tag: str
    covers: FrozenSet[str] = frozenset()
    attaches_covers: bool = False
    holds_attachments: bool = False
    holds_sdh: bool = True
    hides_lead: bool = False
    shows_one_cue: bool = False
    most_bytes_in_cue: Optional[int] = None
    options: Tuple[str, ...] = ()

    def holds(self, stream: Stream) -> bool:
        """Whether the stream gets in, as it is or as another kind of text."""
        if stream.kind == "subtitle":
            return stream.codec in self.subtitles
        if stream.kind == "attachment":
            return self.holds_attachments
        if stream.is_cover:
            return stream.codec in self.covers
        is_film = stream.kind in ("video", "audio")
        return is_film and (self.codecs is None or stream.codec in self.codecs)


MKV = Container(
    ending="mkv",
    muxer="matroska",
    codecs=None,
    subtitles={
        **dict.fromkeys(("subrip", "ass", "ssa", "webvtt"), "copy"),
        **dict.fromkeys(("hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"), "copy"),
        **dict.fromkeys(("mov_text", "text", "eia_608"), "srt"),
    },
    new_subtitle="copy",
    takes_webvtt=False,
    language_code=bibliographic,
    title_tag="title",
    covers=frozenset(_IMAGE_TYPES),
    attaches_covers=True,
    holds_attachments=True,
)
MP4 = Container(
    ending="mp4",
    muxer="mp4",
    codecs=frozenset(
        {
            *("h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "vc1", "mjpeg"),
            *("aac", "mp3", "mp2", "ac3", "eac3", "alac", "dts", "opus", "flac"),
        }
    ),
    subtitles={
        **dict.fromkeys(_TEXTS, "mov_text"),
        **dict.fromkeys(("mov_text", "dvd_subtitle"), "copy"),
    },
    new_subtitle="mov_text",
    takes_webvtt=True,
    language_code=terminologic,
    title_tag="handler_name",
    covers=frozenset(("mjpeg", "png", "bmp")),
    hides_lead=True,
    shows_one_cue=True,
    most_bytes_in_cue=65535,
    options=("-movflags", "+faststart"),
)
WEBM = Container(
    ending="webm",
    muxer="webm",
    codecs=frozenset(("vp8", "vp9", "av1", "opus", "vorbis")),
    subtitles={**dict.fromkeys(_TEXTS, "webvtt"), "webvtt": "copy"},
    new_subtitle="copy",
    takes_webvtt=True,
    language_code=bibliographic,
    title_tag="title",
    holds_sdh=False,
)


def choose_container(wish: str, media: Path) -> Container:
    """The container that MUX_CONTAINER asks for: auto, mkv, mp4 or webm."""
    if wish == "auto":
        return MP4 if media.suffix.lower() in _MP4_ENDINGS else MKV
    return {"mkv": MKV, "mp4": MP4, "webm": WEBM}[wish]


def image_type(cover: Stream) -> str:
    """jpeg, png, gif or tiff, as in image/png, of a cover that Matroska holds."""
    return _IMAGE_TYPES[cover.codec]
