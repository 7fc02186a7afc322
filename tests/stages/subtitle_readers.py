"""Reads subtitle files as players do, and is as strict as none of them.

Written from the formats' descriptions, without a line of the stage's own code.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass

STAND_INS = "\uff5b\uff5d\uff1c\uff1e\uff06\uff3c"
WORD_JOINER = "\u2060"


@dataclass(frozen=True)
class Shown:
    """What a viewer sees, and when; in milliseconds."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def read_srt(text: str) -> list[Shown]:
    """Every cue of an SRT file; anything out of place is an AssertionError."""
    return [
        Shown(start, end, tuple(map(_shown_in_srt, lines)))
        for start, end, lines in _blocks(text, ",")
    ]


def read_vtt(text: str) -> list[Shown]:
    """Every cue of a WebVTT file."""
    header, body = text[:8], text[8:]
    assert header == "WEBVTT\n\n"
    cues = []
    for start, end, lines in _blocks(body, "."):
        for line in lines:
            assert "<" not in line
            assert ">" not in line
            assert re.sub(r"&(amp|lt|gt);", "", line).count("&") == 0
        shown = tuple(html.unescape(line).replace(WORD_JOINER, "") for line in lines)
        cues.append(Shown(start, end, shown))
    return cues


def read_ass(text: str) -> list[Shown]:
    """Every event of an ASS file, shown as libass does."""
    head, body = text.split("[Events]\n")
    assert head.startswith("[Script Info]\n")
    assert re.search(r"^Style: Default,", head, re.MULTILINE)
    form, *events = body.splitlines()
    assert form.startswith("Format: Layer, Start, End, Style,")
    cues = []
    for event in events:
        kind, rest = event.split(": ", 1)
        fields = rest.split(",", 9)
        assert kind == "Dialogue"
        assert len(fields) == 10
        start, end = (_ass_ms(field) for field in fields[1:3])
        cues.append(Shown(start, end, _shown_in_ass(fields[9])))
    return _in_order(cues)


def _blocks(text: str, point: str) -> list[tuple[int, int, list[str]]]:
    time = rf"(\d\d):(\d\d):(\d\d)\{point}(\d\d\d)"
    found: list[tuple[int, int, list[str]]] = []
    assert not text or text.endswith("\n\n")
    for block in text.split("\n\n")[:-1]:
        number, times, *lines = block.split("\n")
        assert number == str(len(found) + 1)
        match = re.fullmatch(f"{time} --> {time}", times)
        assert match, times
        numbers = [int(group) for group in match.groups()]
        assert all("-->" not in line for line in lines)
        found.append((_ms(*numbers[:4]), _ms(*numbers[4:]), lines))
    _in_order([Shown(start, end, tuple(lines)) for start, end, lines in found])
    return found


def _in_order(cues: list[Shown]) -> list[Shown]:
    latest = 0
    for cue in cues:
        assert latest <= cue.start_ms < cue.end_ms, cue
        assert cue.lines, cue
        assert all(line.strip() == line != "" for line in cue.lines), cue
        latest = cue.end_ms
    return cues


def _shown_in_srt(line: str) -> str:
    """A player may swallow tags, braces, backslash commands and entities: there must be none."""
    assert not set("{}<") & set(line)
    assert not re.search(r"\\[Nnh]", line)
    assert html.unescape(line) == line
    return "".join(unicodedata.normalize("NFKC", x) if x in STAND_INS else x for x in line)


def _shown_in_ass(text: str) -> tuple[str, ...]:
    lines, position = [""], 0
    while position < len(text):
        pair = text[position : position + 2]
        if pair in (r"\N", r"\n"):
            lines.append("")
        elif pair in (r"\{", r"\}"):
            lines[-1] += pair[1]
        else:
            assert text[position] not in "{}"
            assert pair != r"\h"
            lines[-1] += text[position]
            position -= 1
        position += 2
    return tuple(line.replace(WORD_JOINER, "") for line in lines)


def _ass_ms(text: str) -> int:
    match = re.fullmatch(r"(\d):(\d\d):(\d\d)\.(\d\d)", text)
    assert match, text
    hours, minutes, seconds, hundredths = map(int, match.groups())
    return _ms(hours, minutes, seconds, hundredths * 10)


def _ms(hours: int, minutes: int, seconds: int, milliseconds: int) -> int:
    assert minutes < 60
    assert seconds < 60
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds
