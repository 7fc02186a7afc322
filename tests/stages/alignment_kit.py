"""Jobs for stage 07, and what it made of them."""

from __future__ import annotations

import array
import json
import wave
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.stages.containers import ROOT, Ended

SPEECH: Final = ROOT / "tests" / "media" / "speech"
RATE: Final = 16000
PAUSE_SECONDS: Final = 1.0


def samples(name: str) -> array.array[int]:
    with wave.open(str(SPEECH / f"sense_and_sensibility-{name}.wav")) as file:
        return array.array("h", file.readframes(file.getnframes()))


def pause(seconds: float = PAUSE_SECONDS) -> array.array[int]:
    return array.array("h", bytes(2 * round(seconds * RATE)))


def said(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SPEECH / f"sense_and_sensibility-{name}.json").read_text())
    found["w"] = [word for word in found["w"] if not word["t"].startswith("<")]
    return found


def write_sound(job: Path, track: array.array[int]) -> Path:
    (job / "01_demux").mkdir(parents=True, exist_ok=True)
    with wave.open(str(job / "01_demux" / "audio.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(track.tobytes())
    return job


def give(job: Path, stage: str, document: Mapping[str, Any]) -> None:
    folder = job / stage
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "segments.json").write_text(json.dumps(document))


def give_text(job: Path, text: str | bytes) -> None:
    (job / "input").mkdir(parents=True, exist_ok=True)
    data = text if isinstance(text, bytes) else text.encode()
    (job / "input" / "transcript.txt").write_bytes(data)


def segment(start: float, end: float, text: str, **fields: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "text": text, **fields}


def english(*segments: dict[str, Any], language: str = "en") -> dict[str, Any]:
    return {"language": language, "segments": list(segments)}


def result(ended: Ended) -> list[dict[str, Any]]:
    assert ended.exit_code == 0, ended.output
    document = json.loads((ended.folder / "segments.json").read_text())
    segments: list[dict[str, Any]] = document["segments"]
    for entry in segments:
        words = entry["words"]
        assert [word["word"] for word in words] == entry["text"].split()
        times = [time for word in words for time in (word["start"], word["end"])]
        assert times == sorted(times)
    return segments


def words(segments: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [word for entry in segments for word in entry["words"]]


def off(found: Iterable[float], expected: Iterable[float]) -> list[float]:
    return sorted(abs(one - other) for one, other in zip(found, expected, strict=True))


def failure(ended: Ended, kind: str) -> str:
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert ended.manifest["errors"][0]["exception_type"] == kind
    return ended.errors
