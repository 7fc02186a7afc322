"""Reads subtitle files as strictly as nobody else does: up to the first thing out of order."""

from __future__ import annotations

import re
from typing import List, Sequence

from cue import Cue

_TIME = r"(\d{2}):([0-5]\d):([0-5]\d)"
_SRT_TIMES = re.compile(rf"{_TIME},(\d{{3}}) --> {_TIME},(\d{{3}})")
_VTT_TIMES = re.compile(rf"{_TIME}\.(\d{{3}}) --> {_TIME}\.(\d{{3}})")
_ASS_TIME = r"(\d):([0-5]\d):([0-5]\d)\.(\d{2})"
_ASS_EVENT = re.compile(rf"Dialogue: 0,{_ASS_TIME},{_ASS_TIME},Default,,0,0,0,,(.+)")
_VTT_HEADER = "WEBVTT\n\n"
_ASS_EVENTS = (
    "\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)


def read_srt(text: str) -> List[Cue]:
    """The cues of an SRT file, up to the first that is not as it should be."""
    return _read_blocks(text, _SRT_TIMES)


def read_vtt(text: str) -> List[Cue]:
    """The cues of a WebVTT file, with their entities; none without its header."""
    if not text.startswith(_VTT_HEADER):
        return []
    return _read_blocks(text[len(_VTT_HEADER) :], _VTT_TIMES)


def read_ass(text: str) -> List[Cue]:
    """The cues of an ASS file, with their escapes; none without its sections."""
    header, events, body = text.partition(_ASS_EVENTS)
    if not events or not header.startswith("[Script Info]\n") or "\n[V4+ Styles]\n" not in header:
        return []
    cues: List[Cue] = []
    for line in body.splitlines():
        match = _ASS_EVENT.fullmatch(line)
        if match is None:
            break
        *times, shown = match.groups()
        numbers = [int(number) for number in times]
        start, end = (_ms([*part[:3], part[3] * 10]) for part in (numbers[:4], numbers[4:]))
        cue = Cue(start, end, tuple(re.split(r"\\N", shown)))
        if not _is_next(cue, cues):
            break
        cues.append(cue)
    return cues


def _read_blocks(text: str, times: re.Pattern[str]) -> List[Cue]:
    blocks = text[:-2].split("\n\n") if text.endswith("\n\n") else []
    cues: List[Cue] = []
    for number, block in enumerate(blocks, 1):
        counted, _, rest = block.partition("\n")
        timed, _, shown = rest.partition("\n")
        match = times.fullmatch(timed)
        if match is None or counted != str(number) or "-->" in shown:
            break
        numbers = [int(group) for group in match.groups()]
        cue = Cue(_ms(numbers[:4]), _ms(numbers[4:]), tuple(shown.split("\n")))
        if not _is_next(cue, cues):
            break
        cues.append(cue)
    return cues


def _is_next(cue: Cue, before: Sequence[Cue]) -> bool:
    is_in_order = not before or before[-1].end_ms <= cue.start_ms
    return cue.start_ms < cue.end_ms and is_in_order and all(map(str.strip, cue.lines))


def _ms(numbers: Sequence[int]) -> int:
    hours, minutes, seconds, milliseconds = numbers
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds
