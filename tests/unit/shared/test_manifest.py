"""The manifest of a stage: there from the first moment, in the documented shape."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from shared.stage_manifest import StageManifest
from shared.stage_utils import StageIO

Read = Callable[[Path], dict[str, Any]]


def test_it_is_there_with_status_running_before_the_stage_does_anything(
    job: Path, read: Read
) -> None:
    io = StageIO("asr", job)
    manifest = read(io.stage_dir)
    assert manifest["status"] == "running"
    assert manifest["duration_seconds"] is None
    assert manifest["completed_at"] is None


def test_a_final_one_has_every_key_of_the_card(job: Path, read: Read) -> None:
    io = StageIO("asr", job)
    io.finalize(status="success")
    manifest = read(io.stage_dir)
    assert manifest["stage"] == "asr"
    assert manifest["stage_number"] == 6
    assert manifest["status"] == "success"
    assert isinstance(manifest["duration_seconds"], float)
    for name in ("inputs", "outputs", "intermediate_files", "warnings", "errors"):
        assert manifest[name] == []
    assert manifest["config"] == {}
    assert isinstance(manifest["resources"], dict)


def test_it_says_which_schema_stage_and_run_and_when(job: Path, read: Read) -> None:
    io = StageIO("asr", job)
    io.finalize()
    manifest = read(io.stage_dir)
    assert manifest["schema_version"] == 1
    assert manifest["stage_id"] == "06_asr"
    assert manifest["run_id"] is None
    started = datetime.fromisoformat(manifest["timestamp"])
    ended = datetime.fromisoformat(manifest["completed_at"])
    assert started <= ended
    assert manifest["timestamp"].endswith("Z")


def test_the_keys_of_older_consumers_are_not_emitted(job: Path, read: Read) -> None:
    io = StageIO("asr", job)
    output = io.get_output_path("a.json")
    output.write_text("{}")
    io.track_output(output, "json")
    io.finalize()
    manifest = read(io.stage_dir)
    assert not {"job_name", "start_time", "end_time"} & set(manifest)
    assert not {"size", "hash"} & set(manifest["outputs"][0])


@pytest.mark.parametrize(
    ("name", "stage", "number"),
    [("06_asr", "asr", 6), ("XX_stage_name", "XX_stage_name", None), ("your_stage",) * 2 + (None,)],
)
def test_stage_and_number_come_from_the_folders_name(
    job: Path, read: Read, name: str, stage: str, number: int | None
) -> None:
    io = StageIO(name, job)
    manifest = read(io.stage_dir)
    assert (manifest["stage"], manifest["stage_number"]) == (stage, number)
    assert (io.stage_name, io.stage_number, io.stage_id) == (stage, number, name)


def test_configuration_keeps_the_types_of_json(job: Path, read: Read) -> None:
    io = StageIO("asr", job)
    io.set_config({"model": "large-v2", "device": "cuda", "batch_size": 16})
    io.add_config("batch_size", 8)
    io.add_config("nested", {"list": [1, 2.5, True, None]})
    io.finalize()
    assert read(io.stage_dir)["config"] == {
        "model": "large-v2",
        "device": "cuda",
        "batch_size": 8,
        "nested": {"list": [1, 2.5, True, None]},
    }


def test_recorded_configuration_does_not_change_with_the_callers_object(
    job: Path, read: Read
) -> None:
    io = StageIO("asr", job)
    languages = ["es"]
    io.add_config("languages", languages)
    languages.append("ca")
    io.finalize()
    assert read(io.stage_dir)["config"]["languages"] == ["es"]


def test_warnings_are_strings_and_only_in_the_manifest(job: Path, read: Read) -> None:
    io = StageIO("asr", job)
    io.add_warning("Low quality input detected")
    io.finalize()
    assert read(io.stage_dir)["warnings"] == ["Low quality input detected"]
    assert "Low quality" not in io.stage_log.read_text()


def test_errors_say_when_what_which_type_and_where(job: Path, read: Read) -> None:
    io = StageIO("asr", job)
    try:
        msg = "no model"
        raise RuntimeError(msg)
    except RuntimeError as error:
        io.add_error(str(error), error)
    io.add_error("something else")
    io.finalize(status="failed")
    first, second = read(io.stage_dir)["errors"]
    assert first["message"] == "no model"
    assert first["exception_type"] == "RuntimeError"
    assert "test_errors_say_when" in first["traceback"]
    assert datetime.fromisoformat(first["timestamp"]).tzinfo is not None
    assert (second["message"], second["exception_type"], second["traceback"]) == (
        "something else",
        None,
        None,
    )
    assert "no model" not in io.stage_log.read_text()


def test_an_error_without_text_is_named_by_its_type(job: Path, read: Read) -> None:
    io = StageIO("asr", job)
    io.add_error("", ValueError())
    io.finalize("failed")
    assert read(io.stage_dir)["errors"][0]["message"] == "ValueError"


def test_resources_of_the_stage_win_over_the_automatic_ones_key_by_key(
    job: Path, read: Read
) -> None:
    io = StageIO("asr", job)
    io.set_resources(gpu_memory_mb=4096, cpu_percent=85, gpu_used=True)
    io.finalize()
    resources = read(io.stage_dir)["resources"]
    assert resources["gpu_memory_mb"] == 4096
    assert resources["cpu_percent"] == 85
    assert resources["gpu_used"] is True
    assert resources["memory_mb"] > 1
    assert resources["cpu_time_seconds"] >= 0


def test_a_stage_that_says_nothing_still_tells_what_it_used(job: Path, read: Read) -> None:
    io = StageIO("asr", job)
    sum(range(200_000))
    io.finalize()
    assert {"cpu_percent", "memory_mb"} <= set(read(io.stage_dir)["resources"])


def test_it_is_readable_by_others_as_the_umask_says(job: Path) -> None:
    io = StageIO("asr", job)
    other = job / "other"
    other.touch()
    assert io.manifest_path.stat().st_mode == other.stat().st_mode


def test_no_unfinished_file_is_left_beside_it(job: Path) -> None:
    folder = job / "06_asr"
    folder.mkdir()
    (folder / ".manifest.json.4242.0.tmp").write_text('{"half')
    io = StageIO("asr", job)
    io.finalize()
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "stage.log"]


def test_thousands_of_entries_are_written_at_most_once_a_second(job: Path) -> None:
    io = StageIO("asr", job)
    seen = set()
    for number in range(2_000):
        io.add_config(f"key{number}", number)
        seen.add(io.manifest_path.stat().st_ino)
    assert len(seen) <= 4
    io.finalize()
    assert len(json.loads(io.manifest_path.read_text())["config"]) == 2_000


def test_a_manifest_can_be_made_alone_as_older_stages_do(tmp_path: Path, read: Read) -> None:
    output = tmp_path / "a.json"
    output.write_text("{}")
    manifest = StageManifest("06_asr", tmp_path)
    manifest.add_output(output)
    manifest.finalize("success", {})
    assert read(tmp_path)["outputs"][0]["type"] == "json"


def test_the_digest_of_an_output_is_a_full_sha256(job: Path, read: Read) -> None:
    io = StageIO("asr", job)
    output = io.get_output_path("a.json")
    output.write_text("{}")
    io.track_output(output, "json")
    io.finalize()
    checksum = read(io.stage_dir)["outputs"][0]["checksum"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", checksum)
