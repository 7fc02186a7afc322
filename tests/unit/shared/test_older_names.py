"""Names that older stages call."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.files import compute_hash
from shared.stage_utils import StageIO

Read = Callable[[Path], dict[str, Any]]


@pytest.fixture
def io(job: Path) -> StageIO:
    return StageIO("asr", job)


def test_compute_hash_is_a_sha256_that_depends_on_the_content_alone(io: StageIO) -> None:
    first, second = io.stage_dir / "a", io.stage_dir / "b"
    first.write_text("same")
    second.write_text("same")
    assert io.compute_hash(first) == io.compute_hash(str(second)) == StageIO.compute_hash(first)
    assert io.compute_hash(first) == hashlib.sha256(b"same").hexdigest()
    second.write_text("other")
    assert io.compute_hash(first) != io.compute_hash(second)


def test_compute_hash_of_a_folder_sees_names_links_and_empty_folders(tmp_path: Path) -> None:
    seen = set()
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    seen.add(compute_hash(folder))
    (folder / "deep" / "a").write_text("x")
    seen.add(compute_hash(folder))
    (folder / "deep" / "a").rename(folder / "deep" / "b")
    seen.add(compute_hash(folder))
    (folder / "link").symlink_to("deep")
    seen.add(compute_hash(folder))
    assert len(seen) == 4
    assert compute_hash(folder) in seen


@pytest.mark.parametrize(("exit_code", "status"), [(0, "success"), (1, "failed"), (130, "failed")])
def test_finalize_stage_manifest_takes_an_exit_code(
    io: StageIO, read: Read, exit_code: int, status: str
) -> None:
    io.finalize_stage_manifest(exit_code=exit_code)
    manifest = read(io.stage_dir)
    assert (manifest["status"], manifest["exit_code"]) == (status, exit_code)


def test_the_manifest_object_knows_its_stage_and_takes_files_with_hashes(
    io: StageIO, read: Read
) -> None:
    source, output = io.job_dir / "a.wav", io.stage_dir / "b.json"
    source.write_text("x")
    output.write_text("y")
    assert io.manifest is not None
    assert io.manifest.stage == "asr"
    io.manifest.add_input(source, io.compute_hash(source))
    io.manifest.add_output(output, io.compute_hash(output))
    io.finalize()
    manifest = read(io.stage_dir)
    assert manifest["inputs"][0]["type"] == "wav"
    assert manifest["outputs"][0]["path"] == "06_asr/b.json"
    assert manifest["outputs"][0]["checksum"] == f"sha256:{io.compute_hash(output)}"
    assert "metadata" not in manifest["outputs"][0]
    assert manifest["warnings"] == []


def test_a_hash_that_does_not_fit_the_file_gives_way_to_the_measured_one(
    io: StageIO, read: Read
) -> None:
    output = io.stage_dir / "b.json"
    output.write_text("y")
    assert io.manifest is not None
    io.manifest.add_output(output, "0" * 64)
    io.finalize()
    manifest = read(io.stage_dir)
    assert manifest["outputs"][0]["checksum"] == f"sha256:{io.compute_hash(output)}"
    assert manifest["outputs"][0]["metadata"] == {"checksum": "0" * 64}
    assert len(manifest["warnings"]) == 1


def test_json_is_saved_in_the_stages_folder_and_loaded_from_an_earlier_one(io: StageIO) -> None:
    path = io.save_json({"text": "año"}, "deep/a.json")
    assert path == io.stage_dir / "deep" / "a.json"
    assert "año" in path.read_text(encoding="utf-8")
    assert io.load_json("deep/a.json", from_stage="asr") == {"text": "año"}
    with pytest.raises(FileNotFoundError):
        io.load_json("none.json", from_stage="demux")


def test_metadata_is_saved_with_the_stages_name_and_found_by_the_next(job: Path) -> None:
    first = StageIO("demux", job)
    given = {"duration": 29.0}
    first.save_metadata(given)
    first.finalize()
    second = StageIO("tmdb", job)
    metadata = second.load_metadata()
    assert metadata["duration"] == 29.0
    assert (metadata["stage"], metadata["stage_number"]) == ("demux", 1)
    assert "timestamp" in metadata
    assert given == {"duration": 29.0}
    assert second.load_metadata(from_stage="asr") == {}


def test_a_file_is_copied_to_the_job(io: StageIO) -> None:
    io.save_json({"a": 1}, "a.json")
    assert json.loads(io.copy_to_base("a.json").read_text()) == {"a": 1}
    assert (io.job_dir / "a.json").is_file()


def test_all_inputs_are_the_files_of_the_stage_before(job: Path) -> None:
    folder = job / "05_vad"
    folder.mkdir()
    for name in ("b", "a"):
        (folder / name).touch()
    assert StageIO("asr", job).get_all_inputs() == [folder / "a", folder / "b"]
    assert StageIO("demux", job).get_all_inputs() == []


def test_a_log_path_is_numbered_and_in_the_jobs_logs(job: Path) -> None:
    assert StageIO("asr", job).get_log_path("T") == job / "logs" / "06_asr_T.log"
    assert StageIO("other", job).get_log_path("T") == job / "logs" / "99_other_T.log"
