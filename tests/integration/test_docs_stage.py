"""The stage of the page on writing stages, written down and run as the page says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.project.stage import load_stage
from runner.run.contract import Found, check_contract
from tests.project_kit import ROOT
from tests.unit.docs_pages import blocks, page

SPOKEN = [{"text": "the river, the bridge"}, {"text": "the river again"}]


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """The two files of the page, in a project."""
    found = {block.language: block.text for block in blocks(page("docs/write-a-stage.md"))}
    folder = tmp_path / "stages" / "60_words"
    folder.mkdir(parents=True)
    (folder / "stage.yaml").write_text(found["yaml"])
    (folder / "stage.py").write_text(found["python"])
    return folder


def _run_and_check(stage: Path, job: Path) -> tuple[int, Found]:
    ended = subprocess.run(
        [sys.executable, str(stage / "stage.py")],
        env={**os.environ, "OUTPUT_DIR": str(job), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, check_contract(load_stage(stage), job / stage.name, "by hand")


def test_the_stage_of_the_page_keeps_its_contract(stage: Path, tmp_path: Path) -> None:
    transcript = tmp_path / "job" / "06_asr" / "segments.json"
    transcript.parent.mkdir(parents=True)
    transcript.write_text(json.dumps({"segments": SPOKEN}))
    made = {"status": "success", "outputs": [{"name": "segments", "path": "06_asr/segments.json"}]}
    (transcript.parent / "manifest.json").write_text(json.dumps(made))
    code, found = _run_and_check(stage, tmp_path / "job")
    assert code == 0
    assert found.problems == ()
    counts = json.loads((tmp_path / "job" / "60_words" / "words.json").read_text())
    assert counts == {"river,": 1, "bridge": 1, "river": 1, "again": 1}


def test_the_stage_of_the_page_says_why_it_fails(stage: Path, tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    code, found = _run_and_check(stage, tmp_path / "job")
    assert code == 1
    assert found.manifest is not None
    assert found.manifest.status == "failed"
    assert "06_asr/segments" in str(found.manifest.errors[0])
