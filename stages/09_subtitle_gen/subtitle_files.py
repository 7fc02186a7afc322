"""Writes cues as SRT, WebVTT and ASS, and reads all of it once more before anybody uses it."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, List, Sequence

import pysubs2
from cue import Cue
from strict_reading import read_ass, read_srt, read_vtt
from subtitle_markup import ass_line, srt_line, vtt_line

_LATEST_MS = {"srt": 359_999_999, "vtt": 359_999_999, "ass": 35_999_990}
_SHOWN_HOURS = {"srt": "99:59:59.999", "vtt": "99:59:59.999", "ass": "9:59:59.99"}


class SubtitleError(Exception):
    """The cues cannot be written, or what was written is not what was meant."""


def srt_text(cues: Sequence[Cue]) -> str:
    """The text of an SRT file; without a cue it is empty.

    Raises SubtitleError when the file would not hold exactly these cues.
    """
    return _checked("srt", _marked(cues, srt_line), read_srt)


def vtt_text(cues: Sequence[Cue]) -> str:
    """The text of a WebVTT file. Raises SubtitleError like ``srt_text``."""
    return _checked("vtt", _marked(cues, vtt_line), read_vtt)


def ass_text(cues: Sequence[Cue]) -> str:
    """The text of an ASS file, whose times have hundredths of seconds, half a one rounded up.

    Raises SubtitleError like ``srt_text``.
    """
    rounded = [
        replace(cue, start_ms=_hundredths(cue.start_ms), end_ms=_hundredths(cue.end_ms))
        for cue in cues
    ]
    return _checked("ass", _marked(rounded, ass_line), read_ass)


WRITERS: Dict[str, Callable[[Sequence[Cue]], str]] = {
    "srt": srt_text,
    "vtt": vtt_text,
    "ass": ass_text,
}


def _hundredths(time_ms: int) -> int:
    return (time_ms + 5) // 10 * 10


def _marked(cues: Sequence[Cue], mark: Callable[[str], str]) -> List[Cue]:
    """The cues as they stand in the file, with no more than the file says of them."""
    return [Cue(cue.start_ms, cue.end_ms, tuple(map(mark, cue.lines))) for cue in cues]


def _checked(file_format: str, cues: Sequence[Cue], read: Callable[[str], List[Cue]]) -> str:
    late = next((cue for cue in cues if cue.end_ms > _LATEST_MS[file_format]), None)
    if late is not None:
        message = (
            f"A cue after {_SHOWN_HOURS[file_format]} cannot be written as {file_format}, and"
            f" {late.lines[0][:40]!r} ends {late.end_ms / 1000:.0f} s after the start. Mend its"
            " time in the transcript."
        )
        raise SubtitleError(message)
    text = _written(file_format, cues)
    found = read(text)
    if found != list(cues):
        wrong = next(
            (number for number, cue in enumerate(cues, 1) if cue not in found[number - 1 : number]),
            len(cues) + 1,
        )
        message = (
            f"Of {len(cues)} cues {len(found)} can be read back as {file_format}, and number"
            f" {wrong} is not as it was laid out. This is a fault of the program: report it with"
            " the transcript."
        )
        raise SubtitleError(message)
    return text


def _written(file_format: str, cues: Sequence[Cue]) -> str:
    subtitles = pysubs2.SSAFile()
    for cue in cues:
        text = "\\N".join(cue.lines)
        subtitles.append(pysubs2.SSAEvent(start=cue.start_ms, end=cue.end_ms, text=text))
    if file_format == "ass":
        return subtitles.to_string("ass", header_notice="")
    return subtitles.to_string(file_format, keep_ssa_tags=True)
