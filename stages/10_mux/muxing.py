"""Writes the film that a plan describes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

from container_kinds import image_type
from mp4_flags import switch_subtitles_off
from own_texts import fitted_texts
from plan import Plan
from srt_file import srt_text, webvtt_text
from streams import MuxError, Stream

from shared.ffmpeg import FfmpegError, run_ffmpeg


@dataclass(frozen=True)
class Cut:
    """The part of the film that the job is about, in seconds; no `end` means the film's own."""

    start: float = 0.0
    end: Optional[float] = None

    def arguments(self) -> List[str]:
        """The cut as options of an input. A copied picture begins at the key frame before."""
        start = ["-ss", str(self.start)] if self.start else []
        return start if self.end is None else [*start, "-t", str(self.end - self.start)]

    def length_within(self, duration: Optional[float]) -> Optional[float]:
        """Seconds that the cut lasts in a film of this length; None where nobody knows."""
        ends = [end for end in (self.end, duration) if end is not None]
        return max(0.0, min(ends) - self.start) if ends else None


@dataclass(frozen=True)
class Files:
    """What ffmpeg gets beside the film: new texts, covers, and own texts by the index of the
    stream that they stand for.
    """

    texts: Sequence[Path]
    covers: Sequence[Path] = ()
    own_texts: Dict[int, Path] = field(default_factory=dict)


def write_film(plan: Plan, cut: Cut, target: Path, on_progress: Callable[[float], None]) -> None:
    """Writes the whole film to `target`; `on_progress` gets the seconds done.

    Raises MuxError when ffmpeg gives up.
    """
    try:
        # stagerun: ignore[ST305] texts and covers, small ones
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            covers = [_take_out(plan, cover, folder) for cover in plan.covers]
            files = Files(_write_texts(plan, folder), covers, fitted_texts(plan, folder))
            run_ffmpeg(mux_command(plan, cut, files, target), on_progress)
    except FfmpegError as error:
        message = (
            f"ffmpeg could not write {plan.media.path.name} as {plan.container.ending}: {error}."
            " If that is about a codec, set MUX_CONTAINER to mkv, which holds nearly all."
        )
        raise MuxError(message) from error
    if plan.container.muxer == "mp4" and not any(plan.defaults()):
        switch_subtitles_off(target)


def mux_command(plan: Plan, cut: Cut, files: Files, target: Path) -> List[str]:
    """What ffmpeg is told; nothing is encoded anew but text."""
    # Old AVI files have pictures without a time, which no other container takes.
    command = ["-fflags", "+genpts", *cut.arguments(), "-i", f"file:{plan.media.path}"]
    for text in files.texts:
        command += ["-i", f"file:{text}"]
    for text in files.own_texts.values():
        command += [*cut.arguments(), "-i", f"file:{text}"]
    first = len(files.texts) + 1
    replaced = {index: f"{number}:0" for number, index in enumerate(files.own_texts, first)}
    for stream in plan.kept:
        command += ["-map", replaced.get(stream.index, f"0:{stream.index}")]
    for number in range(len(files.texts)):
        command += ["-map", f"{number + 1}:0"]
    command += ["-c", "copy", *_titles(plan), *_own_subtitles(plan, files.own_texts)]
    command += [*_new_subtitles(plan), *_attachments(plan, files.covers)]
    # Without dates and random ids the same film and subtitles give the same bytes.
    command += ["-fflags", "+bitexact", *plan.container.options]
    return [*command, "-f", plan.container.muxer, f"file:{target}"]


def _write_texts(plan: Plan, folder: Path) -> List[Path]:
    """The new subtitles, each in the form that ffmpeg takes for this container."""
    paths = []
    for number, subtitle in enumerate(plan.added):
        if plan.container.takes_webvtt:
            path = folder / f"{number}.vtt"
            is_converted = plan.container.new_subtitle != "copy"
            text = webvtt_text(subtitle.cues, to_be_converted=is_converted)
        else:
            path, text = folder / f"{number}.srt", srt_text(subtitle.cues)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def _titles(plan: Plan) -> List[str]:
    """The film's own titles of tracks, where players look for them."""
    options: List[str] = []
    for number, stream in enumerate(plan.kept):
        if stream.title is not None:
            options += [f"-metadata:s:{number}", f"{plan.container.title_tag}={stream.title}"]
    return options


def _own_subtitles(plan: Plan, own_texts: Dict[int, Path]) -> List[str]:
    options: List[str] = []
    defaults = plan.defaults()
    for number, stream in enumerate(plan.kept_of_kind("subtitle")):
        options += [f"-c:s:{number}", plan.container.subtitles[stream.codec]]
        if stream.index in own_texts:  # nothing is known of it but what is told here
            marks = stream.marks - {"default"} | ({"default"} if defaults[number] else set())
            options += [f"-metadata:s:s:{number}", f"language={stream.language or 'und'}"]
            options += [f"-disposition:s:{number}", "+".join(sorted(marks)) or "0"]
        elif not plan.keeps_defaults:  # the other marks of the track stay
            sign = "+" if defaults[number] else "-"
            options += [f"-disposition:s:{number}", f"{sign}default"]
    return options


def _new_subtitles(plan: Plan) -> List[str]:
    options: List[str] = []
    for number, subtitle in enumerate(plan.added, len(plan.kept_of_kind("subtitle"))):
        is_set = {
            "default": subtitle.is_default,
            "forced": subtitle.is_forced,
            "hearing_impaired": subtitle.is_sdh,
        }
        marks = "+".join(name for name, value in is_set.items() if value)
        options += [f"-c:s:{number}", plan.container.new_subtitle]
        options += [f"-metadata:s:s:{number}", f"language={plan.language_of(subtitle)}"]
        options += [f"-metadata:s:s:{number}", f"{plan.container.title_tag}={subtitle.title}"]
        options += [f"-disposition:s:{number}", marks or "0"]
    return options


def _attachments(plan: Plan, covers: Sequence[Path]) -> List[str]:
    options: List[str] = []
    for number, cover in enumerate(covers, len(plan.kept_of_kind("attachment"))):
        options += ["-attach", str(cover), f"-metadata:s:t:{number}", f"filename={cover.name}"]
        options += [f"-metadata:s:t:{number}", f"mimetype=image/{cover.suffix[1:]}"]
    return options


def _take_out(plan: Plan, cover: Stream, folder: Path) -> Path:
    """The cover as a file of its own, byte by byte as it was."""
    number = plan.covers.index(cover)
    path = folder / f"cover{number or ''}.{image_type(cover)}"
    command = ["-i", f"file:{plan.media.path}", "-map", f"0:{cover.index}", "-c", "copy"]
    command += ["-frames:v", "1", "-f", "rawvideo", f"file:{path}"]
    run_ffmpeg(command, lambda _: None)
    return path
