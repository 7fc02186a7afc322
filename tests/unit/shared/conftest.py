"""A job folder, with and without a runner around it."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.open_stages import STAGES

VARIABLES = ("OUTPUT_DIR", "STAGERUN_RUN_ID", "STAGERUN_STAGE", "STAGERUN_RECORDS")


@pytest.fixture(autouse=True)
def no_runner_around(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield
    STAGES.end_all("the test is over")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    folder = tmp_path / "job1"
    folder.mkdir()
    return folder


@pytest.fixture
def runner(job: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes the process look as if the runner had started it for 06_asr; returns the job."""

    run_id = f"20261121-0914-{uuid.uuid4().hex}"

    def start(**parts: Any) -> Path:
        request = {
            "schema_version": 1,
            "run_id": run_id,
            "stage_id": "06_asr",
            "variant": None,
            "job": "job1",
            "stages": ["01_demux", "05_vad", "06_asr", "07_alignment"],
            "skipped": [],
            "config": {},
            "inputs": {},
            "outputs": {},
            "notices": [],
            "secrets": [],
            **parts,
        }
        folder = job / ".stagerun" / "runs" / run_id
        folder.mkdir(parents=True)
        (folder / "request.json").write_text(json.dumps(request))
        (job / "06_asr").mkdir()
        monkeypatch.setenv("OUTPUT_DIR", str(job))
        monkeypatch.setenv("STAGERUN_RUN_ID", run_id)
        monkeypatch.setenv("STAGERUN_STAGE", "06_asr")
        return job

    return start


@pytest.fixture
def read() -> Callable[[Path], dict[str, Any]]:
    """Reads a manifest from the disk, as a stranger would."""

    def read_manifest(path: Path) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((path / "manifest.json").read_text())
        return document

    return read_manifest
