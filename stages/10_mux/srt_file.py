"""Reads SRT files, and writes them anew in a form that ffmpeg cannot misunderstand.

ffmpeg takes `a <b` in an SRT file for the beginning of a tag, and drops what follows. In WebVTT
that can be escaped.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence, Tuple

from streams import MuxError

_MOMENT = r"\s*(\d+):(\d{1,2}):(\d{1,2})[,.](\d{1,3})\s*"
_TIMES = re.compile(rf"{_MOMENT}-->{_MOMENT}(?:[XY]\d:.*)?")
_LINE_END_IN_ASS = re.compile(r"\\(?=[Nnh])")
_FULL_WIDTH = str.maketrans(
    {"{": "\N{FULLWIDTH LEFT CURLY BRACKET}", "}": "\N{FULLWIDTH RIGHT CURLY BRACKET}"}
)
_ESCAPED_TAG = re.compile(r"&lt;(/?[biu])&gt;")


@dataclass(frozen=True)
class Cue:
    """A text of one or more lines, none of them empty, and when it shows, in milliseconds."""

    start_ms: int
    end_ms: int
    lines: Tuple[str, ...]


def read_srt(path: Path) -> Tuple[Cue, ...]:
    """The file's cues in order of time; those without text, which nobody sees, are left out.

    Raises MuxError for a file that is not in UTF-8, and for one with text but without a cue.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path.name} is not in UTF-8 (byte {error.start}). Save it in UTF-8."
        raise MuxError(message) from error
    rows = re.split(r"\r\n|\r|\n", text.replace("\0", ""))
    places = [number for number, row in enumerate(rows) if _TIMES.fullmatch(row)]
    if text.strip() and not places:
        message = (
            f"{path.name} is no SRT file: it has text, and no line with the times of a cue."
            " Replace it, or remove it."
        )
        raise MuxError(message)
    ends = [_end_of_text(rows, place) for place in places[1:]] + [len(rows)]
    cues = [_cue(rows[place:end]) for place, end in zip(places, ends)]  # noqa: B905 (Python 3.10)
    return tuple(sorted((cue for cue in cues if cue.lines), key=lambda cue: cue.start_ms))


def one_at_a_time(cues: Sequence[Cue]) -> Tuple[Cue, ...]:
    """The cues with those that start together made one, for a container that shows only one."""
    joined: List[Cue] = []
    for cue in cues:
        if joined and joined[-1].start_ms == cue.start_ms:
            before = joined.pop()
            end = max(before.end_ms, cue.end_ms)
            joined.append(Cue(cue.start_ms, end, before.lines + cue.lines))
        else:
            joined.append(cue)
    return tuple(joined)


def srt_text(cues: Sequence[Cue]) -> str:
    """The cues as SRT, with the texts as they are."""
    return "".join(
        f"{number}\n{_srt_time(cue.start_ms)} --> {_srt_time(cue.end_ms)}\n{_joined(cue)}\n\n"
        for number, cue in enumerate(cues, 1)
    )


def webvtt_text(cues: Sequence[Cue], *, to_be_converted: bool = False) -> str:
    """The cues as WebVTT: <b>, <i> and <u> stay tags, every other &, < and > is a letter.

    On the way to another kind of text ffmpeg puts a backslash before braces and takes `\\N` for the
    end of a line; text `to_be_converted` has full-width braces, and an invisible word joiner there.
    """
    return "WEBVTT\n\n" + "".join(
        f"{_time(cue.start_ms)} --> {_time(cue.end_ms)}\n"
        f"{_escaped(_guarded(_joined(cue)) if to_be_converted else _joined(cue))}\n\n"
        for cue in cues
    )


def _cue(rows: Sequence[str]) -> Cue:
    times = _TIMES.fullmatch(rows[0])
    assert times is not None
    numbers = times.groups()
    start, end = _milliseconds(numbers[:4]), _milliseconds(numbers[4:])
    lines = tuple(row.rstrip() for row in rows[1:] if row.strip())
    return Cue(start, max(start, end), lines)


def _end_of_text(rows: List[str], next_times: int) -> int:
    """Where the text before the next cue ends: the next cue begins with its number."""
    return next_times - 1 if rows[next_times - 1].strip().isdigit() else next_times


def _milliseconds(parts: Sequence[str]) -> int:
    hours, minutes, seconds, fraction = parts
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + int(fraction.ljust(3, "0"))


def _joined(cue: Cue) -> str:
    return "\n".join(cue.lines)


def _guarded(text: str) -> str:
    parted = _LINE_END_IN_ASS.sub(lambda _: "\\\N{WORD JOINER}", text)
    return parted.translate(_FULL_WIDTH)


def _escaped(text: str) -> str:
    return _ESCAPED_TAG.sub(r"<\1>", html.escape(text, quote=False))


def _srt_time(milliseconds: int) -> str:
    return _time(milliseconds).replace(".", ",")


def _time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
