"""Writes the film that a plan describes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional, Sequence

from container_kinds import image_type
from mp4_flags import switch_subtitles_off
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


def write_film(plan: Plan, cut: Cut, target: Path, on_progress: Callable[[float], None]) -> None:
    """Writes the whole film to `target`; `on_progress` gets the seconds done.

    Raises MuxError when ffmpeg gives up.
    """
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            covers = [_take_out(plan, cover, folder) for cover in plan.covers]
            texts = _write_texts(plan, folder)
            run_ffmpeg(mux_command(plan, cut, texts, covers, target), on_progress)
    except FfmpegError as error:
        message = (
            f"ffmpeg could not write {plan.media.path.name} as {plan.container.ending}: {error}."
            " If that is about a codec, set MUX_CONTAINER to mkv, which holds nearly all."
        )
        raise MuxError(message) from error
    if plan.container.muxer == "mp4" and not any(plan.defaults()):
        switch_subtitles_off(target)


def mux_command(
    plan: Plan, cut: Cut, texts: Sequence[Path], covers: Sequence[Path], target: Path
) -> List[str]:
    """What ffmpeg is told; nothing is encoded anew but text."""
    # Old AVI files have pictures without a time, which no other container takes.
    command = ["-fflags", "+genpts", *cut.arguments(), "-i", f"file:{plan.media.path}"]
    for text in texts:
        command += ["-i", f"file:{text}"]
    for stream in plan.kept:
        command += ["-map", f"0:{stream.index}"]
    for number in range(len(texts)):
        command += ["-map", f"{number + 1}:0"]
    command += ["-c", "copy", *_subtitle_options(plan), *_attachments(plan, covers)]
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


def _subtitle_options(plan: Plan) -> List[str]:
    options: List[str] = []
    kept, defaults = plan.kept_of_kind("subtitle"), plan.defaults()
    for number, stream in enumerate(kept):
        options += [f"-c:s:{number}", plan.container.subtitles[stream.codec]]
        if not plan.keeps_defaults:  # the other marks of the track stay
            sign = "+" if defaults[number] else "-"
            options += [f"-disposition:s:{number}", f"{sign}default"]
    for number, subtitle in enumerate(plan.added, len(kept)):
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
