"""Tracked files: measured, listed once, and never a reason to fail."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.stage_utils import StageIO

Read = Callable[[Path], dict[str, Any]]


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture
def io(job: Path) -> StageIO:
    return StageIO("asr", job)


def written(io: StageIO, name: str, data: bytes = b"data") -> Path:
    path = io.get_output_path(name)
    path.write_bytes(data)
    return path


def test_metadata_is_kept_flat_and_verbatim(io: StageIO, read: Read) -> None:
    io.track_output(written(io, "a.json"), "transcript", segments=142, size_mb=1.5, lang="es")
    io.finalize()
    assert read(io.stage_dir)["outputs"] == [
        {
            "type": "transcript",
            "path": "06_asr/a.json",
            "segments": 142,
            "size_mb": 1.5,
            "lang": "es",
            "size_bytes": 4,
            "checksum": digest(b"data"),
        }
    ]


def test_an_input_of_the_job_is_listed_relative_to_it(io: StageIO, read: Read) -> None:
    source = io.job_dir / "01_demux" / "audio.wav"
    source.parent.mkdir()
    source.write_bytes(b"RIFF")
    io.track_input(source, "audio", format="wav")
    io.finalize()
    entry = read(io.stage_dir)["inputs"][0]
    assert entry["path"] == "01_demux/audio.wav"
    assert entry["format"] == "wav"
    assert entry["size_bytes"] == 4
    assert entry["checksum"] == digest(b"RIFF")


def test_an_input_outside_the_job_is_allowed_and_absolute(
    io: StageIO, read: Read, tmp_path: Path
) -> None:
    source = tmp_path / "elsewhere.wav"
    source.write_bytes(b"x")
    io.track_input(str(source), "audio")
    io.finalize()
    manifest = read(io.stage_dir)
    assert manifest["inputs"][0]["path"] == str(source)
    assert manifest["warnings"] == []


def test_an_output_outside_the_stages_folder_is_recorded_with_a_warning(
    io: StageIO, read: Read
) -> None:
    path = io.job_dir / "stray.json"
    path.write_text("{}")
    io.track_output(path, "json")
    io.finalize()
    manifest = read(io.stage_dir)
    assert manifest["outputs"][0]["path"] == "stray.json"
    assert ["stray.json" in warning for warning in manifest["warnings"]] == [True]


def test_a_missing_file_never_raises_and_costs_one_warning(io: StageIO, read: Read) -> None:
    io.track_input(io.job_dir / "input" / "no.wav", "audio", format="wav")
    io.track_output(io.stage_dir / "no.json", "json")
    io.finalize()
    manifest = read(io.stage_dir)
    assert manifest["inputs"][0] == {
        "type": "audio",
        "path": "input/no.wav",
        "format": "wav",
        "exists": False,
    }
    assert manifest["outputs"][0]["exists"] is False
    assert "size_bytes" not in manifest["outputs"][0]
    assert "checksum" not in manifest["outputs"][0]
    assert len(manifest["warnings"]) == 2
    assert manifest["status"] == "success"


def test_a_file_that_appears_before_the_end_is_measured_then(io: StageIO, read: Read) -> None:
    path = io.stage_dir / "late.json"
    io.track_output(path, "json")
    source = io.job_dir / "late.wav"
    io.track_input(source, "audio")
    path.write_text("{}")
    source.write_text("x")
    io.finalize()
    manifest = read(io.stage_dir)
    assert manifest["outputs"][0]["size_bytes"] == 2
    assert manifest["inputs"][0]["size_bytes"] == 1
    assert "exists" not in manifest["outputs"][0]
    assert manifest["warnings"] == []


def test_an_output_that_grows_is_measured_at_the_end(io: StageIO, read: Read) -> None:
    path = written(io, "a.txt", b"one")
    io.track_output(path, "text")
    path.write_bytes(b"one two")
    io.finalize()
    entry = read(io.stage_dir)["outputs"][0]
    assert (entry["size_bytes"], entry["checksum"]) == (7, digest(b"one two"))


def test_metadata_with_reserved_names_gives_way_to_the_measured_value(
    io: StageIO, read: Read
) -> None:
    reserved: dict[str, Any] = {
        "path": "elsewhere",
        "type": "other",
        "size_bytes": 1,
        "checksum": "md5:0",
        "exists": True,
    }
    io.track_output(written(io, "a.json"), "json", lang="es", **reserved)
    io.finalize()
    manifest = read(io.stage_dir)
    entry = manifest["outputs"][0]
    assert (entry["path"], entry["type"], entry["size_bytes"]) == ("06_asr/a.json", "json", 4)
    assert entry["checksum"] == digest(b"data")
    assert "exists" not in entry
    assert entry["lang"] == "es"
    assert entry["metadata"] == reserved
    assert len(manifest["warnings"]) == 1


def test_the_callers_own_metadata_key_survives_a_reserved_one(io: StageIO, read: Read) -> None:
    first, second = {"metadata": {"a": 1}, "path": "x"}, {"metadata": "text", "path": "x"}
    io.track_output(written(io, "a.json"), "json", **first)
    io.track_output(written(io, "b.json"), "json", **second)
    io.finalize()
    entries = read(io.stage_dir)["outputs"]
    assert entries[0]["metadata"] == {"a": 1, "path": "x"}
    assert entries[1]["metadata"] == {"metadata": "text", "path": "x"}


def test_the_same_path_and_type_is_one_entry_with_the_last_metadata(
    io: StageIO, read: Read
) -> None:
    path = written(io, "a.json")
    io.track_output(path, "json", lang="es")
    io.track_output(path, "json", lang="ca")
    io.track_output(path, "other")
    io.finalize()
    assert [(e["type"], e.get("lang")) for e in read(io.stage_dir)["outputs"]] == [
        ("json", "ca"),
        ("other", None),
    ]


def test_several_files_of_one_type_are_all_listed(io: StageIO, read: Read) -> None:
    for language in ("es", "ca", "en"):
        io.track_output(written(io, f"{language}.srt"), "subtitle", lang=language)
    io.finalize()
    assert [entry["lang"] for entry in read(io.stage_dir)["outputs"]] == ["es", "ca", "en"]


def test_a_folder_has_its_total_size_its_file_count_and_a_digest_over_its_tree(
    io: StageIO, read: Read
) -> None:
    def tracked() -> dict[str, Any]:
        io.track_output(io.stage_dir / "model", "model")
        io.finalize()
        entry: dict[str, Any] = read(io.stage_dir)["outputs"][0]
        return entry

    written(io, "model/a.bin", b"12")
    written(io, "model/deep/b.bin", b"345")
    first = tracked()
    assert (first["size_bytes"], first["file_count"]) == (5, 2)
    assert tracked()["checksum"] == first["checksum"]
    written(io, "model/deep/b.bin", b"346")
    again = StageIO("asr", io.job_dir)
    again.track_output(io.stage_dir / "model", "model")
    again.finalize()
    assert read(io.stage_dir)["outputs"][0]["checksum"] != first["checksum"]


def test_a_folder_with_a_link_to_itself_is_measured(io: StageIO, read: Read) -> None:
    written(io, "model/a.bin", b"12")
    (io.stage_dir / "model" / "loop").symlink_to(".")
    io.track_output(io.stage_dir / "model", "model")
    io.finalize()
    entry = read(io.stage_dir)["outputs"][0]
    assert (entry["size_bytes"], entry["file_count"]) == (2, 2)


def test_a_pipe_does_not_hold_the_stage_up(io: StageIO, read: Read) -> None:
    os.mkfifo(io.stage_dir / "pipe")
    io.track_output(io.stage_dir / "pipe", "stream")
    io.finalize()
    manifest = read(io.stage_dir)
    assert "checksum" not in manifest["outputs"][0]
    assert len(manifest["warnings"]) == 1


def test_intermediate_files_are_listed_and_not_deleted(io: StageIO, read: Read) -> None:
    cache = written(io, ".cache/model.bin", b"12345")
    scratch = written(io, "scratch.tmp", b"1")
    io.track_intermediate(cache, retained=True, reason="Model cache")
    io.track_intermediate(scratch)
    io.track_intermediate(io.stage_dir / "gone.tmp", False, "temp file")
    io.finalize()
    assert read(io.stage_dir)["intermediate_files"] == [
        {
            "path": "06_asr/.cache/model.bin",
            "retained": True,
            "reason": "Model cache",
            "size_bytes": 5,
        },
        {"path": "06_asr/scratch.tmp", "retained": False, "reason": "", "size_bytes": 1},
        {"path": "06_asr/gone.tmp", "retained": False, "reason": "temp file"},
    ]
    assert scratch.exists()


@pytest.mark.parametrize("name", ["path", "file_type", "type", "retained"])
def test_path_and_type_are_positional_so_any_word_can_be_metadata(
    io: StageIO, read: Read, name: str
) -> None:
    io.track_output(written(io, "a.json"), "json", **{name: "mine"})
    io.finalize()
    assert "mine" in json.dumps(read(io.stage_dir)["outputs"])


def test_what_is_no_path_is_refused_by_name(io: StageIO) -> None:
    with pytest.raises(TypeError, match="int"):
        io.track_input(3, "json")  # type: ignore[arg-type]  # the mistake under test


def test_a_name_that_no_file_system_accepts_counts_as_missing(io: StageIO, read: Read) -> None:
    io.track_input("a\0b", "json")
    io.track_input("x" * 5_000, "json")
    io.finalize()
    assert [entry["exists"] for entry in read(io.stage_dir)["inputs"]] == [False, False]


def test_a_file_name_that_is_no_text_does_not_break_the_manifest(io: StageIO, read: Read) -> None:
    path = Path(os.fsdecode(os.fsencode(io.stage_dir) + b"/caf\xe9.srt"))
    path.write_text("x")
    io.track_output(path, "subtitle")
    io.finalize()
    assert read(io.stage_dir)["outputs"][0]["path"] == "06_asr/caf\\udce9.srt"


def test_a_path_through_a_link_to_the_job_is_still_a_path_of_the_job(
    io: StageIO, read: Read, tmp_path: Path
) -> None:
    alias = tmp_path / "alias"
    alias.symlink_to(io.job_dir)
    written(io, "a.json")
    io.track_output(alias / "06_asr" / "a.json", "json")
    io.finalize()
    manifest = read(io.stage_dir)
    assert manifest["outputs"][0]["path"] == "06_asr/a.json"
    assert manifest["warnings"] == []
