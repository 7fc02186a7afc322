"""Where a stage finds its inputs and puts its outputs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.stage_utils import StageIO


def finished(job: Path, stage_id: str, status: str) -> None:
    folder = job / stage_id
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"status": status}))


def test_the_first_stage_reads_the_jobs_input(job: Path) -> None:
    assert StageIO("demux", job).get_input_path("film.mkv") == job / "input" / "film.mkv"


def test_an_unknown_stage_reads_the_jobs_input(job: Path) -> None:
    (job / "05_vad").mkdir()
    assert StageIO("your_stage", job).get_input_path("input.json") == job / "input" / "input.json"


def test_a_stage_reads_the_stage_before_it(job: Path) -> None:
    finished(job, "01_demux", "success")
    finished(job, "05_vad", "success")
    finished(job, "07_alignment", "success")
    assert StageIO("asr", job).get_input_path("speech.json") == job / "05_vad" / "speech.json"


def test_skipped_stages_and_those_not_in_the_job_are_stepped_over(job: Path) -> None:
    finished(job, "01_demux", "success")
    finished(job, "05_vad", "skipped")
    assert StageIO("asr", job).get_input_path("audio.wav") == job / "01_demux" / "audio.wav"


def test_a_stage_that_failed_is_not_stepped_over(job: Path) -> None:
    finished(job, "01_demux", "success")
    finished(job, "05_vad", "failed")
    assert StageIO("asr", job).get_input_path("audio.wav") == job / "05_vad" / "audio.wav"


def test_a_file_that_lies_further_back_is_not_looked_for(job: Path) -> None:
    finished(job, "01_demux", "success")
    finished(job, "05_vad", "success")
    (job / "01_demux" / "audio.wav").write_text("x")
    assert StageIO("asr", job).get_input_path("audio.wav") == job / "05_vad" / "audio.wav"


def test_with_no_stage_before_it_in_the_job_a_stage_reads_the_jobs_input(job: Path) -> None:
    assert StageIO("asr", job).get_input_path("audio.wav") == job / "input" / "audio.wav"


@pytest.mark.parametrize("name", ["01_demux", "demux"])
def test_from_stage_takes_bare_and_numbered_names(job: Path, name: str) -> None:
    path = StageIO("asr", job).get_input_path("audio.wav", from_stage=name)
    assert path == job / "01_demux" / "audio.wav"


@pytest.mark.parametrize("name", ["my_stage", "input", "98_other"])
def test_from_stage_takes_any_other_name_for_the_folder_itself(job: Path, name: str) -> None:
    assert StageIO("asr", job).get_input_path("a", from_stage=name) == job / name / "a"


def test_a_broken_manifest_does_not_keep_a_stage_from_its_input(job: Path) -> None:
    folder = job / "05_vad"
    folder.mkdir()
    (folder / "manifest.json").write_text("[not json")
    assert StageIO("asr", job).get_input_path("a") == folder / "a"


def test_under_the_runner_the_request_says_what_is_skipped(
    runner: Callable[..., Path],
) -> None:
    job = runner(skipped=["05_vad"])
    (job / "05_vad").mkdir()
    assert StageIO("asr").get_input_path("a") == job / "01_demux" / "a"


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", ".."])
def test_names_that_leave_the_folder_are_refused(job: Path, name: str) -> None:
    io = StageIO("asr", job)
    with pytest.raises(ValueError, match="leaves the folder"):
        io.get_input_path(name)
    with pytest.raises(ValueError, match="leaves the folder"):
        io.get_output_path(name)
    with pytest.raises(ValueError, match="folder"):
        io.get_input_path("a", from_stage=name)


def test_an_output_path_has_its_parent_folders(job: Path) -> None:
    path = StageIO("asr", job).get_output_path("deep/er/output.json")
    assert path == job / "06_asr" / "deep" / "er" / "output.json"
    path.write_text("{}")
