"""Makes the film's own texts fit for a container that ffmpeg's conversion alone loses some in.

ffmpeg converts cue by cue, by way of ASS: an MP4 then shows only the last of those that start
together, and the outlines of an ASS drawing become text. Here both are mended in the ASS.
"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

from plan import Plan

from shared.ffmpeg import run_ffmpeg

_TAGS = re.compile(r"(\{[^}]*\})")
_DRAWING = re.compile(r"\\p(\d+)")
_END_OF_LINE = re.compile(r"\r?\n")  # other line ends of Unicode may be part of a text


class Event(NamedTuple):
    """A line of an ASS file: times as it writes them, and all between end and text as `style`."""

    layer: str
    start: str
    end: str
    style: str
    text: str

    def __str__(self) -> str:
        return ",".join(self)


def fitted_texts(plan: Plan, folder: Path) -> Dict[int, Path]:
    """ASS files, by the stream's index, instead of the film's own texts that need mending.

    They are written into `folder`; their times are those of the whole film. Raises FfmpegError.
    """
    as_text = [s for s in plan.kept_of_kind("subtitle") if plan.becomes_simpler(s)]
    if not as_text:
        return {}
    paths = {stream.index: folder / f"own{stream.index}.ass" for stream in as_text}
    command = ["-i", f"file:{plan.media.path}"]
    for index, path in paths.items():
        command += ["-map", f"0:{index}", "-c:s", "ass", "-f", "ass", f"file:{path}"]
    run_ffmpeg(command, lambda _: None)
    joins = plan.container.shows_one_cue
    return {index: path for index, path in paths.items() if _is_mended(path, joins=joins)}


def mended(events: Sequence[Event], *, joins: bool) -> Tuple[Event, ...]:
    """The events in time without drawings; with `joins`, those that start together are one."""
    shown = (event._replace(text=_without_drawings(event.text)) for event in events)
    in_time = sorted((e for e in shown if _letters(e.text)), key=lambda e: _time(e.start))
    if not joins:
        return tuple(in_time)
    return tuple(_joined(list(group)) for _, group in groupby(in_time, lambda e: e.start))


def _is_mended(path: Path, *, joins: bool) -> bool:
    """Whether the file needed it."""
    lines = _END_OF_LINE.split(path.read_text(encoding="utf-8"))
    places = [place for place, line in enumerate(lines) if line.startswith("Dialogue:")]
    events = tuple(_event(lines[place]) for place in places)
    better = mended(events, joins=joins)
    if better == events:
        return False
    lines[places[0] : places[-1] + 1] = [str(event) for event in better]
    path.write_text("\n".join(lines), encoding="utf-8")
    return True


def _event(line: str) -> Event:
    layer, start, end, *style, text = line.split(",", 9)
    return Event(layer, start, end, ",".join(style), text)


def _joined(events: Sequence[Event]) -> Event:
    """One event with the texts below each other; a text and its shadows count as one."""
    texts = {_letters(event.text): event.text for event in events}
    last = max((event.end for event in events), key=_time)
    return events[0]._replace(end=last, text=r"{\r}\N".join(texts.values()))


def _letters(text: str) -> str:
    return _TAGS.sub("", text).strip()


def _without_drawings(text: str) -> str:
    parts: List[str] = []
    draws = False
    for part in _TAGS.split(text):
        if part.startswith("{"):
            modes = _DRAWING.findall(part)
            draws = int(modes[-1]) > 0 if modes else draws
        if part.startswith("{") or not draws:
            parts.append(part)
    return "".join(parts)


def _time(text: str) -> Tuple[float, ...]:
    return tuple(float(part) for part in text.split(":"))
