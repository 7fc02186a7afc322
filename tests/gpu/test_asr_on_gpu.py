"""Speech recognition on a real GPU, where its image and a model of Whisper are there."""

import json
import os
from pathlib import Path

import pytest

from runner.host.engine import DockerEngine
from runner.host.nvml import Gpu
from runner.project.pipeline import load_project
from tests.faults.calls import ended
from tests.gpu.conftest import gpu_part
from tests.project_kit import ROOT, run_stagerun
from tests.stages.asr_kit import put_sound, sound

IMAGE = "stagerun/06_asr:cuda"
MODEL = os.environ.get("STAGERUN_ASR_MODEL", "small")
pytestmark = [pytest.mark.docker, pytest.mark.engine]


def why_not_here(engine: DockerEngine) -> str | None:
    store = load_project(ROOT).settings.models
    if engine.image(IMAGE) is None:
        return f"there is no image {IMAGE}: stagerun build 06_asr --variant cuda"
    if store is None or not (store / "whisper" / MODEL / "model.bin").is_file():
        return f"the model store has no whisper/{MODEL}: see models in stagerun.yaml"
    return None


def test_speech_is_recognised_on_the_gpu(
    engine: DockerEngine,
    real_gpu: Gpu,
    tmp_path: Path,
) -> None:
    if reason := why_not_here(engine):
        pytest.skip(f"NOT TESTED: {reason}")
    audio = put_sound(tmp_path / "sound", sound("goforward.raw"))
    job = tmp_path / "job"
    settings = {"ASR_ENGINE": "whisper", "ASR_DEVICE": "cuda", "ASR_MODEL": MODEL}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    made = run_stagerun("init", job, "--have", f"01_demux/audio={audio}", *words)
    assert made.returncode == 0, made.stdout + made.stderr

    finished = run_stagerun("06_asr", job)

    outcome = ended(job, "06_asr", finished.returncode, finished.stdout + finished.stderr)
    assert outcome.code == 0, outcome.text
    assert gpu_part(outcome)["names"] == [real_gpu.name]
    said = json.loads((job / "06_asr" / "segments.json").read_text())["segments"]
    assert "forward" in " ".join(segment["text"] for segment in said).lower()
