"""Three hours of sound with a few words early, in the middle and at the end, and nothing else.

Files are sparse where they can be, so that they take no time to write and no room.
"""

from __future__ import annotations

import array
import math
import struct
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.stages.asr_kit import RATE, sound

SECONDS: Final = 3 * 3600
SAID: Final = array.array("h", sound("goforward.raw"))
LENGTH: Final = len(SAID) / RATE
PLACES: Final = (60.0, 5400.0, SECONDS - 1 - LENGTH)
TALK: Final = (0.5, 2.0)  # within LENGTH
MUSIC: Final = 400
# The furthest that speech may be from its place, and the step in which that is looked for.
FURTHEST, STEP = 0.01, 0.0005


def write_long_sounds(folder: Path) -> None:
    """mono.wav with speech, stereo.wav with speech in the centre and a tone on each side of it, and
    surround.wav, 5.1, with speech in the centre channel and tones in all others but the low one.
    """
    left, right, nothing = _tone(300), _tone(420), [0] * len(SAID)
    sides = [[a + b for a, b in zip(SAID, side, strict=True)] for side in (left, right)]
    _write(folder / "mono.wav", [SAID])
    _write(folder / "stereo.wav", sides)
    _write(folder / "surround.wav", [left, right, SAID, nothing, left, right])


def late_by(path: Path) -> list[float]:
    """How many seconds after its place speech comes, in a WAV file of 16 kHz and three hours."""
    with wave.open(str(path), "rb") as file:
        assert file.getparams()[:4] == (1, 2, RATE, SECONDS * RATE)
        return [_offset(file, place) for place in PLACES]


def _offset(file: wave.Wave_read, place: float) -> float:
    room = round(FURTHEST * RATE)
    file.setpos(round(place * RATE) - room)
    found = array.array("h", file.readframes(len(SAID) + 2 * room))

    def likeness(late: int) -> float:
        part = found[room + late : room + late + len(SAID)]
        product = sum(a * b for a, b in zip(part, SAID, strict=True))
        return product / math.sqrt(sum(a * a for a in part) * sum(b * b for b in SAID))

    lags = range(-room, room + 1, round(STEP * RATE))
    best = max(lags, key=likeness)
    assert likeness(best) > 0.9, f"what is at {place} s is not what was said there"
    return best / RATE


def _tone(hertz: int) -> list[int]:
    """Music, but only while somebody speaks: where it is alone, stage 04 keeps it."""
    turn = 2 * math.pi * hertz / RATE
    heard = range(round(TALK[0] * RATE), round(TALK[1] * RATE))
    return [
        round(MUSIC * math.sin(turn * number)) if number in heard else 0
        for number in range(len(SAID))
    ]


def _write(path: Path, channels: Iterable[Iterable[int]]) -> None:
    rows = list(zip(*channels, strict=True))
    samples = array.array("h", (sample for row in rows for sample in row)).tobytes()
    width = len(samples) // len(rows)
    size = SECONDS * RATE * width
    form = (1, width // 2, RATE, RATE * width, width, 16)
    header = struct.pack("<4sI4s", b"RIFF", size + 36, b"WAVE")
    header += struct.pack("<4sIHHIIHH", b"fmt ", 16, *form) + struct.pack("<4sI", b"data", size)
    with path.open("wb") as file:
        file.write(header)
        for place in PLACES:
            file.seek(len(header) + round(place * RATE) * width)
            file.write(samples)
        file.truncate(len(header) + size)
