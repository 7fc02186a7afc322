"""Runs of stage 04 on the mixes of tests/media/voices.py, and how what comes out compares."""

from __future__ import annotations

import array
import json
import math
import shutil
import wave
from pathlib import Path
from typing import Any

from tests.stages.containers import PLAIN, Ended, Setup, Stages

STAGE = "04_source_separation"
RATE = 16000


def new_job(job: Path, sound: Path) -> Path:
    shutil.copytree(sound, job / "01_demux")
    return job


def separate(
    stages: Stages, job: Path, sound: Path, setup: Setup = PLAIN, /, **config: str
) -> Ended:
    return stages.run(STAGE, new_job(job, sound), setup, **config)


def report(ended: Ended) -> dict[str, Any]:
    assert ended.exit_code == 0, ended.output
    found: dict[str, Any] = json.loads((ended.folder / "separation.json").read_text())
    assert (ended.folder / "speech.wav").exists() == (found["method"] != "pass-through")
    return found


def samples(path: Path, start: float = 0, end: float = math.inf) -> array.array[int]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        file.setpos(round(start * RATE))
        count = min(file.getnframes(), end * RATE) - round(start * RATE)
        return array.array("h", file.readframes(round(count)))


def level(sound: array.array[int]) -> float:
    """The root mean square in decibels of full scale."""
    return 10 * math.log10(max(1e-12, sum(x * x for x in sound) / len(sound) / 32768**2))


def likeness(first: array.array[int], second: array.array[int], lag: int = 0) -> float:
    """The correlation of two sounds, the second that much earlier."""
    pairs = list(zip(first, second[lag:] if lag >= 0 else second, strict=False))
    product = sum(a * b for a, b in pairs)
    return product / math.sqrt(sum(a * a for a, _ in pairs) * sum(b * b for _, b in pairs))


def looped(stages: Stages, sound: Path, target: Path, times: int) -> Path:
    """A copy of a sound in which it comes that often."""
    shutil.copytree(sound, target)
    for name in ("surround.flac", "audio.wav"):
        loop = f"-v error -stream_loop {times - 1} -i /films/{name} /films/long_{name}"
        stages.in_ffmpeg_image(["ffmpeg", "-nostdin", *loop.split()], target)
        (target / f"long_{name}").replace(target / name)
    return target
