"""Which channel of a film's sound is which."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Mapping, Optional

_USUAL: Final = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")  # FLAC's, by number
# ffmpeg's names. It keeps left and right first, then the centre, then the low effects.
_CENTRE_THIRD: Final[Mapping[str, int]] = {
    "3.0": 3, "4.0": 4, "5.0": 5, "5.0(side)": 5, "6.0": 6, "hexagonal": 6, "7.0": 7,
    "7.0(front)": 7, "octagonal": 8,
}  # fmt: skip
_CENTRE_THIRD_LOW_FOURTH: Final[Mapping[str, int]] = {
    "3.1": 4, "4.1": 5, "5.1": 6, "5.1(side)": 6, "6.1": 7, "6.1(back)": 7, "7.1": 8,
    "7.1(wide)": 8, "7.1(wide-side)": 8,
}  # fmt: skip
_LOW_THIRD: Final[Mapping[str, int]] = {"2.1": 3, "6.1(front)": 7}
_ALL_AROUND: Final[Mapping[str, int]] = {
    "mono": 1, "stereo": 2, "downmix": 2, "3.0(back)": 3, "quad": 4, "quad(side)": 4,
    "6.0(front)": 6,
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """A layout by ffmpeg's name, and the numbers of its centre and of its low effects."""

    name: str
    channels: int
    centre: Optional[int] = None
    low: Optional[int] = None


def find_layout(channels: int, stated: Optional[str] = None) -> Layout:
    """The layout of that name; the usual one where none is stated that has so many channels."""
    usual = _USUAL[channels - 1] if channels <= len(_USUAL) else ""
    for name in (stated, usual):
        if _CENTRE_THIRD.get(name or "") == channels:
            return Layout(name or "", channels, centre=2)
        if _CENTRE_THIRD_LOW_FOURTH.get(name or "") == channels:
            return Layout(name or "", channels, centre=2, low=3)
        if _LOW_THIRD.get(name or "") == channels:
            return Layout(name or "", channels, low=2)
        if _ALL_AROUND.get(name or "") == channels:
            return Layout(name or "", channels)
    return Layout(f"{channels} channels", channels)


def stated_layout(probe: Path) -> Optional[str]:
    """What the film says of the track that 01_demux took; None where it says nothing."""
    try:
        document = json.loads(probe.read_text(encoding="utf-8"))
        number = document["audio_track"]["stream"]
        [stream] = [entry for entry in document["streams"] if entry.get("index") == number]
        return str(stream["channel_layout"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # it is only a hint: the usual layouts are right for nearly all films
