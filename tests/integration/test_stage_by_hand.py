"""A stage without any container: the program of a stage that needs nothing but Python."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner.project.stage import load_stage
from runner.run.contract import check_contract
from tests.project_kit import ROOT

STAGE = "03_glossary_load"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job with the glossary of the stage's fixture."""
    folder = tmp_path / "job"
    (folder / "input").mkdir(parents=True)
    shutil.copy(ROOT / "stages" / STAGE / "fixture" / "film.tsv", folder / "input")
    (folder / "job.yaml").write_text("input: {glossary: film.tsv}\n")
    return folder


def by_hand(job: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, f"stages/{STAGE}/stage.py"],
        cwd=ROOT,
        env={**os.environ, "OUTPUT_DIR": str(job), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_stage_without_dependencies_runs_without_a_container(job: Path) -> None:
    ended = by_hand(job, TARGET_LANGUAGES="es")
    assert ended.returncode == 0, ended.stderr
    assert "[INFO]" in ended.stderr
    found = check_contract(load_stage(ROOT / "stages" / STAGE), job / STAGE, "by hand")
    assert found.problems == ()
    assert found.manifest is not None
    assert found.manifest.status == "success"
    assert "molino" in (job / STAGE / "terms.json").read_text()


def test_a_stage_without_a_container_says_what_is_wrong_and_fails(job: Path) -> None:
    (job / "input/film.tsv").write_bytes(b"\xff\xfe\x00")
    ended = by_hand(job, TARGET_LANGUAGES="es")
    manifest = json.loads((job / STAGE / "manifest.json").read_text())
    assert (ended.returncode, manifest["status"]) == (1, "failed"), ended.stderr
