"""Runs ffmpeg and ffprobe: what they say is read in bounded memory, and they never outlive us."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, Deque, Dict, Iterator, List, Optional, Sequence, Tuple, Type

_LINE = re.compile(r"(?:\[[^]]* @ [^]]*\] )?(?:\[(?P<level>[a-z]+)\] )?(?P<text>.*)")
_LEVELS_OF_ERRORS = ("error", "fatal", "panic")
_MOST_ERRORS_KEPT = 20
_MOST_NOTES_KEPT = 40
# These containers say in a header how long they last. Others are estimated from their bit rate.
_CONTAINERS_WITH_A_STATED_DURATION = {"matroska", "webm", "mov", "mp4", "avi", "flv", "asf", "wav"}


class FfmpegError(Exception):
    """ffmpeg or ffprobe gave up; the message is its own reason and nothing else."""


@dataclass(frozen=True)
class Said:
    """What ffmpeg wrote: the first errors, how many there were, and the last other lines."""

    errors: Tuple[str, ...]
    error_count: int
    notes: Tuple[str, ...]


class Ffmpeg:
    """A running ffmpeg, to be used in a `with` block, which ends it when anything goes wrong.

    `stdin` and `stdout` are its binary streams; the first is None unless `feeds_stdin`.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        verbosity: str = "error",
        feeds_stdin: bool = False,
        open_files: Sequence[int] = (),
    ) -> None:
        command = ["ffmpeg", "-hide_banner", "-nostdin", "-nostats", "-v", f"level+{verbosity}"]
        self._process = subprocess.Popen(
            [*command, "-y", *arguments],
            stdin=subprocess.PIPE if feeds_stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=tuple(open_files),
        )
        self.stdin: Optional[IO[bytes]] = self._process.stdin
        self.stdout: IO[bytes] = _present(self._process.stdout)
        self._errors: List[str] = []
        self._error_count = 0
        self._notes: Deque[str] = deque(maxlen=_MOST_NOTES_KEPT)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Ffmpeg:  # noqa: PYI034 (Self came with Python 3.11)
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], *_: object) -> None:
        # A TERM arrives as SystemExit; ffmpeg must not outlive the stage.
        if kind is not None or self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._listener.join()
        for stream in (self.stdin, self.stdout, self._process.stderr):
            _close(stream)

    def stop(self) -> None:
        """Ends ffmpeg, because nothing more of it is wanted."""
        self._process.kill()
        self._process.wait()

    def finish(self) -> Said:
        """Waits for the end. Raises FfmpegError, with the first reason given, when it failed."""
        _close(self.stdin)
        code = self._process.wait()
        self._listener.join()
        if code != 0:
            raise FfmpegError(self._errors[0] if self._errors else f"exit code {code}")
        return self.said()

    def said(self) -> Said:
        """What it has written to its standard error so far."""
        return Said(tuple(self._errors), self._error_count, tuple(self._notes))

    def _listen(self) -> None:
        for line in _present(self._process.stderr):
            level, text = _level_and_text(line.decode("utf-8", "replace").rstrip())
            if level not in _LEVELS_OF_ERRORS:
                self._notes.append(text)
                continue
            self._error_count += 1
            if len(self._errors) < _MOST_ERRORS_KEPT:
                self._errors.append(text)


def run_ffmpeg(arguments: Sequence[str], on_progress: Callable[[float], None]) -> Said:
    """Runs ffmpeg to its end; `on_progress` gets the seconds done. Raises FfmpegError."""
    with Ffmpeg(["-progress", "pipe:1", "-stats_period", "0.5", *arguments]) as process:
        for line in process.stdout:
            key, _, value = line.decode("ascii", "replace").strip().partition("=")
            if key == "out_time_us" and value.isdigit():
                on_progress(int(value) / 1_000_000)
        return process.finish()


def probe(path: Path) -> Dict[str, Any]:
    """Format, streams and chapters of a media file. Raises FfmpegError with the reason."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_error"]
    command += ["-show_format", "-show_streams", "-show_chapters", f"file:{path}"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    document: Dict[str, Any] = json.loads(result.stdout.decode("utf-8", "replace") or "{}")
    if result.returncode != 0 or "format" not in document:
        reason = document.get("error", {}).get("string")
        raise FfmpegError(reason or f"exit code {result.returncode}")
    return document


def packet_rows(path: Path, fields: str, *options: str) -> Iterator[Dict[str, str]]:
    """The named fields of each packet, in the file's order; a field without a value is absent."""
    command = ["ffprobe", "-v", "quiet", *options, "-show_entries", f"packet={fields}"]
    command += ["-of", "compact=print_section=0", f"file:{path}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        try:
            for line in _present(process.stdout):
                pairs = line.decode("ascii", "replace").strip().split("|")
                split = (pair.partition("=") for pair in pairs)
                yield {key: value for key, _, value in split if value not in ("", "N/A")}
        finally:  # also when the reader wants no more, or a TERM arrives
            process.kill()


def stated_duration(document: Dict[str, Any]) -> Optional[float]:
    """Seconds that the container says it lasts; None where that would only be an estimate."""
    entry = document["format"]
    containers = str(entry.get("format_name", "")).split(",")
    if "duration" not in entry or _CONTAINERS_WITH_A_STATED_DURATION.isdisjoint(containers):
        return None
    return float(entry["duration"])


def stated_seconds(stream: Dict[str, Any]) -> float:
    """Seconds that the container says the stream lasts, 0 where it does not."""
    # Matroska has it in a tag, as 00:00:04.500000000.
    text = str(stream.get("duration") or stream.get("tags", {}).get("DURATION") or "0")
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def seconds_of_film(document: Dict[str, Any]) -> Optional[float]:
    """How long picture and sound last, as stated; a subtitle may end after them."""
    return seconds_of_streams(document) or stated_duration(document)


def seconds_of_streams(document: Dict[str, Any]) -> Optional[float]:
    """The same, None where it is stated for the whole file only, subtitles included."""
    durations = [
        stated_seconds(stream)
        for stream in document["streams"]
        if stream.get("codec_type") in ("video", "audio") and not is_cover(stream)
    ]
    is_stated = stated_duration(document) is not None and durations and all(durations)
    return max(durations) if is_stated else None


def is_cover(stream: Dict[str, Any]) -> bool:
    """Whether the stream is a still picture that came with the film, not the film's own."""
    return bool(stream.get("disposition", {}).get("attached_pic"))


def _level_and_text(line: str) -> Tuple[str, str]:
    match = _LINE.fullmatch(line)
    return (match["level"] or "", match["text"]) if match else ("", line)


def _present(stream: Optional[IO[bytes]]) -> IO[bytes]:
    assert stream is not None
    return stream


def _close(stream: Optional[IO[bytes]]) -> None:
    try:
        if stream is not None:
            stream.close()
    except BrokenPipeError:
        return  # what was not sent is not wanted; the exit code tells the rest
