"""Which folder a name means."""

from pathlib import Path

import pytest

from shared.errors import StageNameError
from shared.stage_order import STAGE_IDS, resolve_stage_id, stage_before
from shared.stage_utils import StageIO


@pytest.mark.parametrize("stage_id", STAGE_IDS)
def test_bare_and_numbered_names_of_known_stages_mean_the_numbered_folder(
    job: Path, stage_id: str
) -> None:
    bare = stage_id.partition("_")[2]
    assert StageIO(stage_id, job).stage_dir == job / stage_id
    assert StageIO(bare, job).stage_dir == job / stage_id


@pytest.mark.parametrize("name", ["your_stage", "XX_stage_name", "stage_name", "11_extra", "6"])
def test_any_other_name_means_a_folder_of_exactly_that_name(job: Path, name: str) -> None:
    assert StageIO(name, job).stage_dir == job / name


def test_the_projects_own_stages_are_known_instead_of_the_usual_ones() -> None:
    known = ("1_first", "07_second", "plain")
    assert resolve_stage_id("first", known) == "1_first"
    assert resolve_stage_id("second", known) == "07_second"
    assert resolve_stage_id("plain", known) == "plain"
    assert resolve_stage_id("asr", known) == "asr"


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "/abs", "..", ".", ".hidden", "input", "logs", "a\0b", "manifest.json"]
)
def test_a_name_that_cannot_be_a_stages_folder_is_refused(job: Path, name: str) -> None:
    with pytest.raises(StageNameError, match="folder"):
        StageIO(name, job)
    assert list(job.iterdir()) == []


def test_the_environment_names_the_stage_when_the_caller_does_not(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGERUN_STAGE", "asr")
    monkeypatch.setenv("OUTPUT_DIR", str(job))
    io = StageIO()
    assert io.stage_dir == job / "06_asr"


def test_the_job_is_output_dir_else_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert StageIO("asr").job_dir == tmp_path / "out"
    monkeypatch.setenv("OUTPUT_DIR", "elsewhere")
    assert StageIO("asr").job_dir == tmp_path / "elsewhere"


def test_text_is_accepted_for_the_job(job: Path) -> None:
    io = StageIO("asr", str(job))
    assert io.job_dir == job
    assert io.output_base == job


def test_the_folder_stays_the_same_when_the_stage_changes_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    io = StageIO("asr", "out")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    io.finalize()
    assert '"success"' in (tmp_path / "out" / "06_asr" / "manifest.json").read_text()


def test_the_paths_of_the_guide_are_properties(job: Path) -> None:
    io = StageIO("asr", job)
    assert io.stage_dir == job / "06_asr"
    assert io.stage_log == job / "06_asr" / "stage.log"
    assert io.manifest_path == job / "06_asr" / "manifest.json"
    assert io.logs_dir == job / "logs"
    assert io.stage_log.is_file()


def test_the_stage_before_is_the_nearest_lower_one_that_is_not_left_out() -> None:
    def none_left_out(stage: str) -> bool:
        return stage == "05_vad"

    assert stage_before("06_asr", STAGE_IDS, none_left_out) == "04_source_separation"
    assert stage_before("01_demux", STAGE_IDS, none_left_out) is None
    assert stage_before("your_stage", STAGE_IDS, none_left_out) is None
    assert stage_before("10_mux", STAGE_IDS, lambda _: True) is None
    assert stage_before("10_mux", STAGE_IDS, lambda _: False) == "09_subtitle_gen"
