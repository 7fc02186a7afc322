"""Writes the film that a plan describes."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional, Sequence

from plan import Plan, image_type
from streams import MuxError, Stream

_QUIET = ["ffmpeg", "-nostdin", "-v", "error", "-y"]


@dataclass(frozen=True)
class Cut:
    """The part of the film that the job is about, in seconds; no `end` means the film's own."""

    start: float = 0.0
    end: Optional[float] = None

    def arguments(self) -> List[str]:
        """The cut as options of an input. A copied picture begins at the key frame before."""
        start = ["-ss", str(self.start)] if self.start else []
        return start if self.end is None else [*start, "-t", str(self.end - self.start)]


def write_film(plan: Plan, cut: Cut, target: Path, on_progress: Callable[[float], None]) -> None:
    """Writes the whole film to `target`; `on_progress` gets the seconds done.

    Raises MuxError when ffmpeg gives up.
    """
    with tempfile.TemporaryDirectory() as folder:
        covers = [_take_out(plan, cover, Path(folder)) for cover in plan.covers]
        _run(mux_command(plan, cut, covers, target), plan, on_progress)


def mux_command(plan: Plan, cut: Cut, covers: Sequence[Path], target: Path) -> List[str]:
    """The ffmpeg command for the plan; nothing is encoded anew but text."""
    command = [*_QUIET, "-progress", "pipe:1", "-stats_period", "0.5"]
    # Old AVI files have pictures without a time, which no other container takes.
    command += ["-fflags", "+genpts", *cut.arguments(), "-i", f"file:{plan.media.path}"]
    for subtitle in plan.added:
        command += ["-i", f"file:{subtitle.path}"]
    for stream in plan.kept:
        command += ["-map", f"0:{stream.index}"]
    for number in range(len(plan.added)):
        command += ["-map", f"{number + 1}:0"]
    command += ["-c", "copy", *_subtitle_options(plan), *_attachments(plan, covers)]
    # Without dates and random ids the same film and subtitles give the same bytes.
    command += ["-fflags", "+bitexact", *plan.container.options]
    return [*command, "-f", plan.container.muxer, f"file:{target}"]


def _subtitle_options(plan: Plan) -> List[str]:
    options: List[str] = []
    kept = plan.kept_of_kind("subtitle")
    for number, stream in enumerate(kept):
        options += [f"-c:s:{number}", plan.container.subtitles[stream.codec]]
        if plan.added:  # only one track can be the default
            options += [f"-disposition:s:{number}", "-default"]
    for number, subtitle in enumerate(plan.added, len(kept)):
        is_first = number == len(kept)
        options += [f"-c:s:{number}", plan.container.new_subtitle]
        options += [f"-metadata:s:s:{number}", f"language={plan.language_of(subtitle)}"]
        options += [f"-disposition:s:{number}", "default" if is_first else "0"]
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
    command = [*_QUIET, "-i", f"file:{plan.media.path}", "-map", f"0:{cover.index}", "-c", "copy"]
    command += ["-frames:v", "1", "-f", "rawvideo", f"file:{path}"]
    _run(command, plan, lambda _: None)
    return path


def _run(command: Sequence[str], plan: Plan, on_progress: Callable[[float], None]) -> None:
    with tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    key, _, value = line.decode("ascii", "replace").strip().partition("=")
                    if key == "out_time_us" and value.isdigit():
                        on_progress(int(value) / 1_000_000)
            except BaseException:  # a TERM arrives as SystemExit; ffmpeg must not outlive the stage
                process.kill()
                raise
        complaints.seek(0)
        lines = complaints.read().decode("utf-8", "replace").splitlines()
    if process.returncode != 0:
        message = (
            f"ffmpeg could not write {plan.media.path.name} as {plan.container.ending}:"
            f" {_without_sender(lines[0]) if lines else f'exit code {process.returncode}'}. If that"
            " is about a codec, set MUX_CONTAINER to mkv, which holds nearly all."
        )
        raise MuxError(message)


def _without_sender(line: str) -> str:
    """The line without the part of ffmpeg, and its address, that wrote it."""
    return re.sub(r"^\[[^]]*\] ", "", line)
