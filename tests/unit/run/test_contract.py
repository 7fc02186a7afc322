"""The contract check: every departure is found, and nothing in the folder can break the check."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.run.stage_folders import SPEC, Folder, as_socket, output, spec


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "06_asr")


def test_a_folder_that_keeps_its_contract_has_no_problems(folder: Folder) -> None:
    found = folder.check()
    assert found.problems == ()
    assert [(name, entry.path) for name, entry in found.outputs] == [("segments", "segments.json")]


def test_a_tracked_output_that_is_missing_is_an_error(folder: Folder) -> None:
    (folder.root / "segments.json").unlink()
    found = folder.check()
    assert [problem.text for problem in found.errors] == [
        "tracked as an output, not there",
        "declared as 'segments', not there",
    ]


def test_a_size_that_is_not_the_files_is_an_error(folder: Folder) -> None:
    (folder.root / "segments.json").write_text("{ }")
    assert folder.errors() == {"segments.json": "tracked with 2 bytes, has 3"}


@pytest.mark.parametrize(
    "path",
    [
        "segments.json",
        "05_vad/segments.json",
        "06_asr/../05_vad/x",
        "../06_asr/segments.json",
        "/etc/passwd",
        "/06_asr/segments.json",
        "06_asr2/x",
        "",
        ".",
    ],
)
def test_an_output_outside_the_stages_folder_is_an_error(folder: Folder, path: str) -> None:
    folder.track(path)
    assert folder.errors() == {
        path: "tracked as an output, but lies outside the stage's folder",
    }


def test_a_path_as_the_container_sees_it_is_understood(folder: Folder) -> None:
    folder.document["outputs"] = []
    folder.track("/job/06_asr/segments.json")
    assert folder.check().problems == ()


def test_a_declared_output_that_is_not_there_is_an_error(folder: Folder) -> None:
    stage = spec(*SPEC.outputs, output("more", "more.json"))
    assert folder.errors(stage) == {"more.json": "declared as 'more', not there"}


def test_a_pattern_that_must_match_and_matches_nothing_is_an_error(folder: Folder) -> None:
    stage = spec(SPEC.outputs[0], output("subtitles", "*.srt"))
    assert folder.errors(stage) == {"*.srt": "declared as 'subtitles', not there"}


def test_an_optional_output_may_be_missing(folder: Folder) -> None:
    stage = spec(SPEC.outputs[0], output("more", "more.json", optional=True))
    assert folder.check(stage).problems == ()


def test_a_pattern_takes_all_its_files(folder: Folder) -> None:
    for name in ("a.srt", "b.srt"):
        (folder.root / name).write_text("")
        folder.track(f"06_asr/{name}")
    found = folder.check()
    assert found.problems == ()
    assert [entry.path for name, entry in found.outputs if name == "extra"] == ["a.srt", "b.srt"]


def test_no_pattern_takes_the_manifest_or_the_log(folder: Folder) -> None:
    stage = spec(output("all", "*"))
    assert [entry.path for _, entry in folder.check(stage).outputs] == ["segments.json"]


def test_an_undeclared_file_is_an_error_with_advice(folder: Folder) -> None:
    (folder.root / "sub").mkdir()
    (folder.root / "sub" / "core").write_text("x" * 949)
    problem = folder.errors()["sub/core"]
    assert problem.startswith("there (949 B), declared nowhere")
    assert "outputs in stages/06_asr/stage.yaml or write it under .cache/" in problem


def test_tracking_a_file_does_not_declare_it(folder: Folder) -> None:
    (folder.root / "other.bin").write_text("")
    folder.track("06_asr/other.bin")
    assert "declared nowhere" in folder.errors()["other.bin"]


def test_a_declared_file_that_was_not_tracked_is_a_warning(folder: Folder) -> None:
    (folder.root / "a.srt").write_text("")
    found = folder.check()
    assert found.errors == ()
    (warning,) = found.problems
    assert (warning.path, warning.is_warning) == ("a.srt", True)
    assert [entry.path for _, entry in found.outputs] == ["segments.json", "a.srt"]


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda path: path.symlink_to("segments.json"), "a symbolic link"),
        (lambda path: path.symlink_to("/etc"), "a symbolic link"),
        (lambda path: path.symlink_to("nowhere"), "a symbolic link"),
        (os.mkfifo, "a FIFO"),
        (as_socket, "a socket"),
    ],
)
def test_nothing_but_regular_files_may_stay(
    folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], object],
    kind: str,
) -> None:
    monkeypatch.chdir(folder.root)
    make(folder.root / "odd.srt")
    assert folder.errors()["odd.srt"].startswith(f"is {kind};")


def test_a_link_in_place_of_a_declared_output_is_not_followed(folder: Folder) -> None:
    (folder.root / "segments.json").unlink()
    (folder.root / "segments.json").symlink_to("/etc/passwd")
    found = folder.check()
    assert found.outputs == ()
    assert len(found.errors) == 3


def test_a_linked_folder_is_not_entered(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.srt").write_text("")
    (folder.root / "sub").symlink_to(tmp_path / "outside")
    folder.track("06_asr/sub/x.srt")
    assert set(folder.errors()) == {"sub", "sub/x.srt"}


def test_a_tracked_folder_tracks_what_is_in_it(folder: Folder) -> None:
    (folder.root / "parts" / "deep").mkdir(parents=True)
    (folder.root / "parts" / "deep" / "a.srt").write_text("")
    folder.track("06_asr/parts")
    assert folder.check().problems == ()


def test_tracking_the_whole_folder_tracks_everything(folder: Folder) -> None:
    (folder.root / "a.srt").write_text("")
    folder.track("06_asr")
    assert folder.check().problems == ()


def test_an_empty_tracked_folder_is_not_there(folder: Folder) -> None:
    (folder.root / "parts").mkdir()
    folder.track("06_asr/parts")
    assert folder.errors() == {"parts": "tracked as an output, not there"}


def test_intermediate_files_need_no_declaration(folder: Folder) -> None:
    (folder.root / "scratch").mkdir()
    for name in ("tmp.bin", "scratch/a", "scratch/b"):
        (folder.root / name).write_text("")
    folder.document["intermediate_files"] = [
        {"path": "06_asr/tmp.bin"},
        {"path": "06_asr/scratch"},
    ]
    assert folder.check().problems == ()


def test_calling_the_whole_folder_scratch_declares_nothing(folder: Folder) -> None:
    (folder.root / "core").write_text("")
    folder.document["intermediate_files"] = [{"path": "06_asr"}, {"path": "."}]
    assert set(folder.errors()) == {"core"}


def test_the_cache_is_the_stages_own(folder: Folder) -> None:
    cache = folder.root / ".cache"
    cache.mkdir()
    (cache / "link").symlink_to("/etc")
    os.mkfifo(cache / "pipe")
    assert folder.check().problems == ()


def test_a_cache_that_is_no_folder_breaks_the_contract(folder: Folder) -> None:
    cache = folder.root / ".cache"
    cache.symlink_to("/etc")
    assert "a symbolic link" in folder.errors()[".cache"]
    cache.unlink()
    os.mkfifo(cache)
    assert "a FIFO" in folder.errors()[".cache"]
    cache.unlink()
    cache.write_text("")
    assert "is a file, where only a folder" in folder.errors()[".cache"]


def test_a_cache_deeper_down_is_like_any_other_folder(folder: Folder) -> None:
    (folder.root / "sub" / ".cache").mkdir(parents=True)
    (folder.root / "sub" / ".cache" / "x").write_text("")
    assert set(folder.errors()) == {"sub/.cache/x"}


def test_a_name_that_is_no_text_is_an_error_that_can_be_shown(folder: Folder) -> None:
    (folder.root / os.fsdecode(b"\xff.srt")).write_text("")
    found = folder.check()
    assert [(item.path, item.text) for item in found.errors] == [
        ("\\xff.srt", "has a name that is not UTF-8 text")
    ]
    json.dumps([item.path for item in found.errors]).encode()


def test_every_problem_is_counted_and_errors_come_first(folder: Folder) -> None:
    for number in range(150):
        (folder.root / f"{number}.srt").write_text("")
        (folder.root / f"{number}.bin").write_text("")
    found = folder.check()
    assert [problem.is_warning for problem in found.problems] == [False] * 100 + [True] * 100
    assert found.left_out == 100


def test_thousands_of_tracked_files_are_no_burden(folder: Folder) -> None:
    for number in range(3_000):
        (folder.root / f"{number}.srt").touch()
    folder.track(*(f"06_asr/{number}.srt" for number in range(3_000)))
    assert folder.check().problems == ()


def test_a_folder_nested_too_deep_is_an_error(folder: Folder) -> None:
    descriptor = os.open(folder.root, os.O_RDONLY)
    for _ in range(40):
        os.mkdir("x" * 200, dir_fd=descriptor)
        inner = os.open("x" * 200, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    assert "cannot be read" in folder.errors()["."]
