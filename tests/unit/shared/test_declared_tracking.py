"""Declared files are tracked by asking for them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.stage_utils import StageIO

Read = Callable[[Path], dict[str, Any]]
Start = Callable[..., Path]
OUTPUTS = {
    "segments": {"file": "segments.json", "type": "transcript", "optional": False},
    "extra": {"file": "extra/*.json", "type": "metadata", "optional": True},
}


@pytest.fixture
def io(runner: Start) -> StageIO:
    runner(outputs=OUTPUTS)
    return StageIO()


def test_an_optional_output_that_was_only_asked_for_is_not_listed(io: StageIO, read: Read) -> None:
    io.output("segments").write_text("{}")
    io.output("extra", "extra/a.json")
    io.finalize()
    manifest = read(io.stage_dir)
    assert [entry["name"] for entry in manifest["outputs"]] == ["segments"]
    assert manifest["warnings"] == []


def test_a_required_output_that_was_only_asked_for_is_listed_as_missing(
    io: StageIO, read: Read
) -> None:
    io.output("segments")
    io.finalize()
    manifest = read(io.stage_dir)
    assert manifest["outputs"][0]["exists"] is False
    assert len(manifest["warnings"]) == 1


def test_an_optional_output_that_the_stage_tracked_itself_stays_listed(
    io: StageIO, read: Read
) -> None:
    path = io.output("extra", "extra/a.json")
    io.track_output(path, "metadata", pages=3)
    io.finalize()
    entry = read(io.stage_dir)["outputs"][0]
    assert (entry["name"], entry["pages"], entry["exists"]) == ("extra", 3, False)


def test_asking_again_keeps_the_metadata(io: StageIO, read: Read) -> None:
    path = io.output("segments")
    path.write_text("{}")
    io.track_output(path, "transcript", segments=142)
    io.output("segments")
    io.finalize()
    (entry,) = read(io.stage_dir)["outputs"]
    assert (entry["name"], entry["segments"]) == ("segments", 142)


def test_the_parent_folders_of_an_output_are_made(io: StageIO) -> None:
    io.output("extra", "extra/a.json").write_text("{}")


def test_several_files_of_one_input_come_as_a_list(runner: Start, read: Read) -> None:
    paths = ["09_subtitle_gen/es.srt", "09_subtitle_gen/ca.srt"]
    job = runner(inputs={"subtitles": [{"path": path, "size_bytes": 1} for path in paths]})
    io = StageIO()
    with pytest.raises(ValueError, match="inputs"):
        io.input("subtitles")
    assert io.inputs("subtitles") == [job / path for path in paths]
    io.finalize()
    assert len(read(io.stage_dir)["inputs"]) == 2
