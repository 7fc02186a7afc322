"""Jobs for stage 06, and Whisper models that say what their script tells them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import wave
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import docker
from docker.types import Mount

from tests.stages.containers import LABEL, ROOT, Ended, Setup, Stages

MEDIA: Final = ROOT / "tests" / "media"
SPEECH: Final = MEDIA / "speech"
RATE: Final = 16000
PAUSE: Final = b"\0\0" * RATE
MARK: Final = "CALLED "


def sound(name: str) -> bytes:
    """A recording's samples: the header of a WAV file is 44 bytes, a raw file has none."""
    data = (SPEECH / name).read_bytes()
    return data[44:] if name.endswith(".wav") else data


def put_sound(job: Path, samples: bytes, rate: int = RATE) -> Path:
    (job / "01_demux").mkdir(parents=True, exist_ok=True)
    path = job / "01_demux" / "audio.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return path


def put_result(job: Path, stage: str, name: str, content: object) -> None:
    """A file of an earlier stage, as its output."""
    (job / stage).mkdir(parents=True, exist_ok=True)
    (job / stage / f"{name}.json").write_text(json.dumps(content))
    output = {"name": name, "path": f"{stage}/{name}.json"}
    manifest = {"status": "success", "outputs": [output]}
    (job / stage / "manifest.json").write_text(json.dumps(manifest))


def put_speech(job: Path, *spans: tuple[float, float]) -> None:
    found = [{"start": start, "end": end} for start, end in spans]
    put_result(job, "05_vad", "segments", {"segments": found})


def put_names(job: Path, names: Sequence[str]) -> None:
    put_result(job, "03_glossary_load", "names", {"names": list(names)})


def transcript(ended: Ended) -> dict[str, Any]:
    assert ended.exit_code == 0, ended.output
    found: dict[str, Any] = json.loads((ended.folder / "segments.json").read_text())
    return found


def make_models(folder: Path, **options: str) -> Path:
    """A model store with a scripted model of each name, made with those options."""
    folder.mkdir()
    client = docker.from_env()
    lines = [
        f"python3 /media/scripted_whisper.py /models/whisper/{name} {option}"
        for name, option in options.items()
    ]
    try:
        client.containers.run(
            "stagerun/parent-asr-whisper:current",
            ["sh", "-ec", "\n".join(lines)],
            mounts=[
                Mount("/media", str(MEDIA), type="bind", read_only=True),
                Mount("/models", str(folder), type="bind"),
            ],
            environment={"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"},
            labels={LABEL: ""},
            user=f"{os.getuid()}:{os.getgid()}",
            network_mode="none",
            remove=True,
        )
    finally:
        client.close()
    shutil.copytree(MEDIA / "whisper_calls", folder / "calls")
    return folder


def script(*parts: str) -> str:
    """The option of a model that says this."""
    return f"--script {shlex.quote(' '.join(parts))}"


def whisper(stages: Stages, job: Path, models: Path, **config: str) -> Ended:
    """Runs the stage with Whisper on the CPU; what reaches the library is in the output."""
    config = {"ASR_ENGINE": "whisper", "PYTHONPATH": "/app:/models/calls", **config}
    return stages.run("06_asr", job, Setup(variant="cpu", models=models), **config)


def calls(ended: Ended, function: str) -> list[dict[str, Any]]:
    """The keyword arguments of each call of a function of the library."""
    lines = (line.partition(MARK)[2] for line in ended.output.splitlines() if MARK in line)
    found: Iterable[dict[str, Any]] = map(json.loads, lines)
    return [call["arguments"] for call in found if call["function"] == function]
