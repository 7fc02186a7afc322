"""Writes a line of speech so that players show it, and take none of it for their own signs.

SRT has no way to escape anything. What a player, or ffmpeg on the way to another format, would
swallow there is written in full width: the same character to Unicode's compatibility forms (NFKC),
and hardly another to the eye. WebVTT has entities, ASS a backslash before braces. A backslash has
no escape in either; an invisible WORD JOINER after it parts it from the letter that would make it
a line break.
"""

from __future__ import annotations

import html
import re

_WORD_JOINER = "\N{WORD JOINER}"
_BACKSLASH_COMMAND = re.compile(r"\\(?=[Nnh])")
_TAG = re.compile("<([^<>]*)>")
_REFERENCE = re.compile("&(?=[#A-Za-z])")
_LONGEST_REFERENCE = 40
_FULL_WIDTH = str.maketrans(
    {
        "{": "\N{FULLWIDTH LEFT CURLY BRACKET}",
        "}": "\N{FULLWIDTH RIGHT CURLY BRACKET}",
        "<": "\N{FULLWIDTH LESS-THAN SIGN}",
    }
)
_FULL_WIDTH_AMPERSAND = "\N{FULLWIDTH AMPERSAND}"
_FULL_WIDTH_BACKSLASH = "\N{FULLWIDTH REVERSE SOLIDUS}"
_FULL_WIDTH_GREATER = "\N{FULLWIDTH GREATER-THAN SIGN}"


def srt_line(line: str) -> str:
    """The line in SRT: full-width signs for braces, tags, arrows, entities and line breaks."""
    line = _TAG.sub(rf"<\1{_FULL_WIDTH_GREATER}", line)
    line = line.replace("-->", f"--{_FULL_WIDTH_GREATER}").translate(_FULL_WIDTH)
    line = _BACKSLASH_COMMAND.sub(lambda _: _FULL_WIDTH_BACKSLASH, line)
    return _REFERENCE.sub(_ampersand, line)


def vtt_line(line: str) -> str:
    """The line in WebVTT: entities for &, < and >."""
    return html.escape(_part_backslashes(line), quote=False)


def ass_line(line: str) -> str:
    """The line in ASS: a backslash before braces."""
    return _part_backslashes(line).replace("{", "\\{").replace("}", "\\}")


def _part_backslashes(line: str) -> str:
    return _BACKSLASH_COMMAND.sub(lambda _: "\\" + _WORD_JOINER, line)


def _ampersand(match: re.Match[str]) -> str:
    """The sign itself, unless a browser would take it and what follows for another character."""
    tail = match.string[match.start() : match.start() + _LONGEST_REFERENCE]
    return (
        "&" if html.unescape(tail)[:1] == "&" and "&amp" not in tail[:4] else _FULL_WIDTH_AMPERSAND
    )
