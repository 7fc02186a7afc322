"""``stagerun test`` on the ten stages: the fixtures hold, and do not with a mistake in a stage."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from runner.project.pipeline import load_project
from tests.project_kit import ROOT, run_stagerun

STAGES: Final = load_project(ROOT).stage_ids
PARTS: Final = ("stages", "images", "shared", "schemas", "stagerun.yaml", "tests/media/speech")
MISTAKES: Final = {
    "01_demux": ("choose_track(film, wanted_track)", 'choose_track(film, "")'),
    "02_tmdb": ("details_document(details, source)", 'details_document(details, "tmdb")'),
    "03_glossary_load": ('enrichment=io.inputs("enrichment")', "enrichment=[]"),
    "04_source_separation": ('write_report(outcome, io.output("report"))', "del outcome.decision"),
    "05_vad": ("write_speech(found, output)", "write_speech(found[1:], output)"),
    "06_asr": ("Transcript(engine.language, segments)", 'Transcript("de", segments)'),
    "07_alignment": ("_write_text(transcript, io.output(", "str(io.output("),
    "08_translation": ("TermFinder(terms, target)", "TermFinder((), target)"),
    "09_subtitle_gen": (', *io.inputs("translations")]', "]"),
    "10_mux": ('for path in io.inputs("subtitles")', 'for path in io.inputs("subtitles")[1:]'),
}

pytestmark = [pytest.mark.images, pytest.mark.engine]


def copied_project(folder: Path) -> Path:
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part)
        else:
            shutil.copyfile(ROOT / part, folder / part)
    return folder


def plant(project: Path, stage: str) -> None:
    code = project / "stages" / stage / "stage.py"
    right, wrong = MISTAKES[stage]
    text = code.read_text(encoding="utf-8")
    assert text.count(right) == 1, (stage, right)
    code.write_text(text.replace(right, wrong), encoding="utf-8")


def failures(report: Path) -> dict[str, list[str]]:
    """Of each stage, what its failures say."""
    suites = ET.parse(report).getroot()
    return {
        suite.get("name", ""): [item.text or "" for item in suite.iter("failure")]
        for suite in suites
    }


def test_every_stage_passes_its_fixture_twice_with_the_same_bytes(tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    run = run_stagerun("test", "--twice", "--junit", report)
    assert run.returncode == 0, run.stdout + run.stderr
    assert failures(report) == {stage: [] for stage in STAGES}


def test_a_mistake_in_one_stage_fails_that_stage_and_no_other(tmp_path: Path) -> None:
    project, report = copied_project(tmp_path / "project"), tmp_path / "junit.xml"
    plant(project, "09_subtitle_gen")
    run = run_stagerun("test", "--dev", "--junit", report, project=project)
    assert run.returncode == 1, run.stdout + run.stderr
    found = failures(report)
    assert [stage for stage in STAGES if found[stage]] == ["09_subtitle_gen"]
    assert "subtitles: 1 file, not 2" in run.stdout


def test_a_mistake_in_any_stage_is_found_by_its_fixture(tmp_path: Path) -> None:
    project, report = copied_project(tmp_path / "project"), tmp_path / "junit.xml"
    for stage in STAGES:
        plant(project, stage)
    run = run_stagerun("test", "--dev", "--junit", report, project=project)
    assert run.returncode == 1, run.stdout + run.stderr
    found = failures(report)
    assert [stage for stage in STAGES if found[stage]] == list(STAGES)
    assert all(text.splitlines()[0].strip() for texts in found.values() for text in texts)
