"""What differs when the runner started the stage."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.errors import RequestError, StageNameError
from shared.stage_utils import StageIO

Read = Callable[[Path], dict[str, Any]]
Start = Callable[..., Path]
CHECKSUM = "sha256:" + "ab" * 32


@pytest.mark.parametrize("name", ["06_asr", "asr", None])
def test_the_granted_folders_names_and_no_name_mean_the_granted_folder(
    runner: Start, read: Read, name: str | None
) -> None:
    job = runner()
    io = StageIO(name) if name else StageIO()
    assert io.stage_dir == job / "06_asr"
    assert read(io.stage_dir)["run_id"] == os.environ["STAGERUN_RUN_ID"]


def test_the_job_may_be_given_as_the_guide_does(runner: Start) -> None:
    job = runner()
    assert StageIO("asr", job).job_dir == job
    assert StageIO("asr", str(job)).job_dir == job


@pytest.mark.parametrize("name", ["demux", "01_demux", "your_stage", "6", "../x"])
def test_any_other_name_fails_the_run_in_the_granted_folder(
    runner: Start, read: Read, name: str
) -> None:
    job = runner()
    with pytest.raises(StageNameError, match="06_asr") as caught:
        StageIO(name)
    assert repr(name) in str(caught.value)
    manifest = read(job / "06_asr")
    assert manifest["status"] == "failed"
    assert manifest["error"] == str(caught.value)
    assert sorted(path.name for path in job.iterdir()) == [".stagerun", "06_asr"]


def test_another_job_folder_fails_the_run_too(runner: Start, read: Read, tmp_path: Path) -> None:
    job = runner()
    with pytest.raises(StageNameError, match="OUTPUT_DIR"):
        StageIO("asr", tmp_path / "elsewhere")
    assert read(job / "06_asr")["status"] == "failed"


def test_a_missing_request_fails_the_run(runner: Start, read: Read) -> None:
    job = runner()
    (job / ".stagerun" / "runs" / os.environ["STAGERUN_RUN_ID"] / "request.json").unlink()
    with pytest.raises(RequestError, match=r"request\.json"):
        StageIO("asr")
    assert read(job / "06_asr")["status"] == "failed"


def test_a_broken_request_is_named(runner: Start) -> None:
    job = runner()
    path = job / ".stagerun" / "runs" / os.environ["STAGERUN_RUN_ID"] / "request.json"
    path.write_text('{"run_id": ')
    with pytest.raises(RequestError, match=str(path)):
        StageIO("asr")


def test_notices_of_the_runner_are_warnings_from_the_first_moment(
    runner: Start, read: Read
) -> None:
    runner(notices=["No GPU was free: the cpu variant runs."])
    io = StageIO()
    assert read(io.stage_dir)["warnings"] == ["No GPU was free: the cpu variant runs."]
    io.add_warning("mine")
    io.finalize()
    assert len(read(io.stage_dir)["warnings"]) == 2


def test_outputs_are_measured_and_not_digested(runner: Start, read: Read) -> None:
    runner()
    io = StageIO()
    path = io.get_output_path("a.json")
    path.write_text("{}")
    io.track_output(path, "json", lang="es")
    io.finalize()
    assert read(io.stage_dir)["outputs"] == [
        {"type": "json", "path": "06_asr/a.json", "lang": "es", "size_bytes": 2}
    ]


def test_inputs_have_the_digest_that_was_handed_in_and_no_other(runner: Start, read: Read) -> None:
    handed = {"path": "01_demux/audio.wav", "size_bytes": 4, "checksum": CHECKSUM}
    job = runner(inputs={"audio": [handed]})
    (job / "01_demux").mkdir()
    for name in ("audio.wav", "other.wav"):
        (job / "01_demux" / name).write_text("RIFF")
    io = StageIO()
    io.track_input(job / "01_demux" / "audio.wav", "audio")
    io.track_input(job / "01_demux" / "other.wav", "audio")
    io.finalize()
    first, second = read(io.stage_dir)["inputs"]
    assert (first["checksum"], first["size_bytes"]) == (CHECKSUM, 4)
    assert "checksum" not in second
    assert second["size_bytes"] == 4


def test_a_declared_input_is_found_and_tracked(runner: Start, read: Read) -> None:
    handed = {"path": "01_demux/audio.wav", "size_bytes": 4, "checksum": CHECKSUM}
    job = runner(inputs={"audio": [handed], "speech": []})
    (job / "01_demux").mkdir()
    (job / "01_demux" / "audio.wav").write_text("RIFF")
    io = StageIO()
    assert io.input("audio") == job / "01_demux" / "audio.wav"
    assert io.input("speech") is None
    assert io.inputs("speech") == []
    io.finalize()
    (entry,) = read(io.stage_dir)["inputs"]
    assert (entry["type"], entry["name"], entry["checksum"]) == ("audio", "audio", CHECKSUM)


def test_a_declared_output_is_tracked_with_its_type(runner: Start, read: Read) -> None:
    runner(outputs={"segments": {"file": "segments.json", "type": "transcript"}})
    io = StageIO()
    io.output("segments").write_text("{}")
    io.finalize()
    assert read(io.stage_dir)["outputs"] == [
        {
            "type": "transcript",
            "path": "06_asr/segments.json",
            "name": "segments",
            "size_bytes": 2,
        }
    ]


def test_no_manifest_is_announced_at_once(runner: Start, capfd: pytest.CaptureFixture[str]) -> None:
    runner()
    StageIO("asr", enable_manifest=False)
    assert "contract_violation" in capfd.readouterr().err
