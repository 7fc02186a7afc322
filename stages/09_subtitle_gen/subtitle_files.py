"""Writes cues as SRT and WebVTT, and reads what was written once more before anybody uses it."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import List, Sequence

import pysubs2
from layout import Cue

_TIME = r"(\d{2,}):(\d{2}):(\d{2})[,.](\d{3})"
_TIMES = re.compile(f"{_TIME} --> {_TIME}")
_LONGEST_NAME_BYTES = 200  # file systems allow 255, and the language and ending come on top


class SubtitleError(Exception):
    """What was written is not what was meant."""


def srt_text(cues: Sequence[Cue]) -> str:
    """The text of an SRT file; without a cue it is empty.

    Raises SubtitleError when the file would not hold exactly these cues.
    """
    text = _written(cues, "srt")
    _check(text, cues)
    return text


def vtt_text(cues: Sequence[Cue]) -> str:
    """The text of a WebVTT file, in which &, < and > are escaped.

    Raises SubtitleError when the file would not hold exactly these cues.
    """
    escaped = [
        Cue(cue.start_ms, cue.end_ms, tuple(html.escape(line, quote=False) for line in cue.lines))
        for cue in cues
    ]
    text = _written(escaped, "vtt")
    _check(text.partition("\n\n")[2], escaped)
    return text


def file_title(title: str) -> str:
    """The title as the beginning of a file name, "film" where nothing is left of it."""
    characters = (" " if _is_troublesome(letter) else letter for letter in title)
    name = " ".join("".join(characters).split()).lstrip(".- ")
    shortened = name.encode("utf-8")[:_LONGEST_NAME_BYTES].decode("utf-8", "ignore")
    return shortened.strip() or "film"


def file_language(language: str) -> str:
    """The language tag as a part of a file name, "und" (undetermined) where it is none."""
    tag = language.strip().replace("_", "-")
    return tag if re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", tag) else "und"


def _is_troublesome(letter: str) -> bool:
    return letter in "/\\" or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")


def _written(cues: Sequence[Cue], file_format: str) -> str:
    subtitles = pysubs2.SSAFile()
    for cue in cues:
        text = "\\N".join(cue.lines)
        subtitles.append(pysubs2.SSAEvent(start=cue.start_ms, end=cue.end_ms, text=text))
    return subtitles.to_string(file_format)


def _check(text: str, cues: Sequence[Cue]) -> None:
    """Parsers forgive nearly everything; this one forgives nothing."""
    read = _read(text)
    if read != list(cues):
        first = next(
            (number for number, cue in enumerate(cues, 1) if cue not in read[number - 1 : number]),
            len(cues) + 1,
        )
        message = (
            f"Of {len(cues)} cues {len(read)} can be read back, and number {first} is not as it"
            " was laid out. A cue after 99:59:59 cannot be written; else report this transcript."
        )
        raise SubtitleError(message)


def _read(text: str) -> List[Cue]:
    blocks = text.rstrip("\n").split("\n\n") if text.strip() else []
    cues: List[Cue] = []
    for number, block in enumerate(blocks, 1):
        counted, _, rest = block.partition("\n")
        times, _, shown = rest.partition("\n")
        match = _TIMES.fullmatch(times)
        if match is None or counted != str(number):
            break
        numbers = [int(group) for group in match.groups()]
        cue = Cue(_ms(numbers[:4]), _ms(numbers[4:]), tuple(shown.split("\n")))
        if cue.start_ms >= cue.end_ms or (cues and cues[-1].end_ms > cue.start_ms):
            break
        cues.append(cue)
    return cues


def _ms(numbers: Sequence[int]) -> int:
    hours, minutes, seconds, milliseconds = numbers
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds
