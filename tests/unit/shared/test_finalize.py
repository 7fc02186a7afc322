"""How a stage says that it has ended."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.open_stages import STAGES
from shared.stage_utils import StageIO

Read = Callable[[Path], dict[str, Any]]


@pytest.fixture
def io(job: Path) -> StageIO:
    return StageIO("asr", job)


@pytest.mark.parametrize("status", ["success", "failed", "skipped"])
def test_the_three_documented_ends_are_recorded(io: StageIO, read: Read, status: str) -> None:
    io.finalize(status=status)
    manifest = read(io.stage_dir)
    assert manifest["status"] == status
    assert manifest["duration_seconds"] >= 0


def test_no_status_means_success(io: StageIO, read: Read) -> None:
    io.finalize()
    assert read(io.stage_dir)["status"] == "success"


@pytest.mark.parametrize("status", ["done", "running", "", "/tmp/manifest.json"])
def test_another_status_is_refused_and_leaves_the_stage_open(
    io: StageIO, read: Read, status: str
) -> None:
    with pytest.raises(ValueError, match="success, failed, skipped"):
        io.finalize(status=status)
    assert read(io.stage_dir)["status"] == "running"


def test_the_reason_of_a_skip_is_kept(io: StageIO, read: Read) -> None:
    io.finalize(status="skipped", reason="not needed")
    manifest = read(io.stage_dir)
    assert (manifest["status"], manifest["reason"]) == ("skipped", "not needed")


def test_an_error_text_is_listed_and_at_top_level(io: StageIO, read: Read) -> None:
    io.finalize(status="failed", error="reason")
    manifest = read(io.stage_dir)
    assert manifest["error"] == "reason"
    assert [entry["message"] for entry in manifest["errors"]] == ["reason"]


def test_an_error_that_is_listed_already_is_not_listed_again(io: StageIO, read: Read) -> None:
    io.add_error("reason")
    io.finalize(status="failed", error="reason")
    manifest = read(io.stage_dir)
    assert manifest["error"] == "reason"
    assert len(manifest["errors"]) == 1


def test_further_keywords_are_kept_at_top_level(io: StageIO, read: Read) -> None:
    io.finalize(status="success", segments=142, device="cuda", exit_code=0)
    manifest = read(io.stage_dir)
    assert (manifest["segments"], manifest["device"], manifest["exit_code"]) == (142, "cuda", 0)


def test_keywords_that_collide_go_under_extra(io: StageIO, read: Read) -> None:
    collisions: dict[str, Any] = {
        "stage": "other",
        "inputs": ["x"],
        "duration_seconds": 12,
        "exit_code": "one",
        "extra": 1,
    }
    io.finalize(status="success", **collisions)
    manifest = read(io.stage_dir)
    assert manifest["extra"] == collisions
    assert manifest["stage"] == "asr"
    assert manifest["inputs"] == []
    assert "exit_code" not in manifest


def test_twice_the_same_does_nothing(io: StageIO) -> None:
    io.finalize(status="success")
    before = io.manifest_path.read_bytes()
    io.finalize(status="success", more=1)
    assert io.manifest_path.read_bytes() == before
    assert "WARNING" not in io.stage_log.read_text()


@pytest.mark.parametrize("first", ["success", "skipped"])
def test_failed_overrides(io: StageIO, read: Read, first: str) -> None:
    io.finalize(status=first)
    io.finalize(status="failed", error="late")
    manifest = read(io.stage_dir)
    assert (manifest["status"], manifest["error"]) == ("failed", "late")


@pytest.mark.parametrize(
    ("first", "second"),
    [("failed", "success"), ("failed", "skipped"), ("success", "skipped"), ("skipped", "success")],
)
def test_anything_else_after_the_end_is_refused_with_a_warning(
    io: StageIO, read: Read, first: str, second: str
) -> None:
    io.finalize(status=first)
    io.finalize(status=second)
    assert read(io.stage_dir)["status"] == first
    assert io.stage_log.read_text().count("[WARNING]") == 1


def test_failed_in_a_handler_records_the_exception_by_itself(io: StageIO, read: Read) -> None:
    try:
        msg = "no model"
        raise RuntimeError(msg)
    except RuntimeError:
        io.finalize(status="failed")
    entry = read(io.stage_dir)["errors"][0]
    assert (entry["message"], entry["exception_type"]) == ("no model", "RuntimeError")
    assert "RuntimeError: no model" in entry["traceback"]


def test_failed_in_a_handler_adds_nothing_to_errors_that_are_listed(
    io: StageIO, read: Read
) -> None:
    try:
        msg = "no model"
        raise RuntimeError(msg)
    except RuntimeError as error:
        io.add_error(str(error), error)
        io.finalize(status="failed", error=str(error))
    assert len(read(io.stage_dir)["errors"]) == 1


def test_an_error_text_in_a_handler_gets_the_exceptions_traceback(io: StageIO, read: Read) -> None:
    try:
        msg = "no model"
        raise RuntimeError(msg)
    except RuntimeError:
        io.finalize(status="failed", error="could not listen")
    entry = read(io.stage_dir)["errors"][0]
    assert (entry["message"], entry["exception_type"]) == ("could not listen", "RuntimeError")


def test_success_with_errors_listed_stays_success(io: StageIO, read: Read) -> None:
    io.add_error("one segment was silent")
    io.finalize(status="success")
    manifest = read(io.stage_dir)
    assert manifest["status"] == "success"
    assert len(manifest["errors"]) == 1


def test_what_comes_after_the_end_is_recorded_with_the_same_status_and_a_warning(
    io: StageIO, read: Read
) -> None:
    io.finalize(status="success")
    path = io.get_output_path("late.json")
    path.write_text("{}")
    io.track_output(path, "json")
    io.add_config("late", 1)
    io.add_warning("late")
    manifest = read(io.stage_dir)
    assert manifest["status"] == "success"
    assert manifest["outputs"][0]["checksum"].startswith("sha256:")
    assert manifest["config"] == {"late": 1}
    assert manifest["warnings"] == ["late"]
    assert io.stage_log.read_text().count("[WARNING]") == 3


def test_without_a_manifest_everything_but_the_manifest_works(job: Path) -> None:
    io = StageIO("asr", job, enable_manifest=False)
    io.track_input("a", "json")
    io.track_output("b", "json")
    io.track_intermediate("c")
    io.add_config("key", 1)
    io.set_config({"key": 1})
    io.set_resources(cpu_percent=1)
    io.add_warning("w")
    io.add_error("e")
    io.get_stage_logger().info("still logged")
    io.finalize(status="nonsense")
    assert io.manifest is None
    assert not io.manifest_path.exists()
    assert "still logged" in io.stage_log.read_text()


def test_a_stage_that_just_ends_has_failed(io: StageIO, read: Read) -> None:
    STAGES.end_all("ended without finalize")
    manifest = read(io.stage_dir)
    assert manifest["status"] == "failed"
    assert manifest["error"] == "ended without finalize"
    assert [entry["message"] for entry in manifest["errors"]] == ["ended without finalize"]


def test_ending_does_not_touch_what_is_final(io: StageIO) -> None:
    io.finalize()
    before = io.manifest_path.read_bytes()
    STAGES.end_all("ended without finalize")
    assert io.manifest_path.read_bytes() == before


def test_two_objects_on_one_folder_share_one_manifest(job: Path, read: Read) -> None:
    first, second = StageIO("asr", job), StageIO("06_asr", job)
    first.add_config("a", 1)
    second.add_config("b", 2)
    second.finalize()
    assert read(first.stage_dir)["config"] == {"a": 1, "b": 2}
    assert first.manifest is second.manifest


def test_after_the_end_a_new_object_starts_a_new_manifest(job: Path, read: Read) -> None:
    first = StageIO("asr", job)
    first.add_config("a", 1)
    first.finalize("failed", error="old error")
    second = StageIO("asr", job)
    assert read(second.stage_dir)["status"] == "running"
    second.add_config("b", 2)
    second.finalize()
    manifest = read(second.stage_dir)
    assert manifest["config"] == {"b": 2}
    assert "error" not in manifest


def test_an_ended_object_cannot_write_over_its_successor(job: Path, read: Read) -> None:
    first = StageIO("asr", job)
    first.finalize()
    second = StageIO("asr", job)
    first.add_warning("too late")
    assert read(second.stage_dir)["status"] == "running"


def test_an_earlier_manifest_on_disk_is_not_merged(job: Path, read: Read) -> None:
    folder = job / "06_asr"
    folder.mkdir()
    old = {"status": "failed", "error": "old", "inputs": [{"type": "a", "path": "b"}]}
    (folder / "manifest.json").write_text(json.dumps(old))
    io = StageIO("asr", job)
    io.finalize()
    manifest = read(folder)
    assert manifest["inputs"] == []
    assert "error" not in manifest
