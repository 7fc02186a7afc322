"""The contract check: every departure is found, and nothing in the folder can break the check."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.project.stage import Output, Parent, Resources, StageSpec
from runner.run.contract import MANIFEST_LIMIT, Found, check_contract

RUN = "20261121-0914-7f3a"


def output(name: str, file: str, *, optional: bool = False) -> Output:
    return Output(name=name, file=file, type="text", optional=optional)


def spec(*outputs: Output, stage_id: str = "06_asr") -> StageSpec:
    return StageSpec(
        id=stage_id,
        folder=Path("stages") / stage_id,
        summary="",
        parents={"main": Parent(image="base")},
        gpu="none",
        inputs=(),
        outputs=outputs,
        config={},
        models=(),
        resources=Resources(),
        network=False,
        secrets=(),
    )


SPEC = spec(output("segments", "segments.json"), output("extra", "*.srt", optional=True))


class Folder:
    """A stage's folder that keeps its contract until a test spoils it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.document: dict[str, Any] = {
            "stage": "asr",
            "stage_number": 6,
            "stage_id": "06_asr",
            "run_id": RUN,
            "status": "success",
            "inputs": [],
            "outputs": [{"type": "text", "path": "06_asr/segments.json", "size_bytes": 2}],
        }
        (root / "segments.json").write_text("{}")

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    def track(self, *paths: str, **parts: Any) -> None:
        self.document["outputs"] += [{"type": "text", "path": path, **parts} for path in paths]

    def check(self, stage: StageSpec = SPEC) -> Found:
        self.manifest.write_text(json.dumps(self.document))
        (self.root / "stage.log").write_text("")
        return check_contract(stage, self.root, RUN)

    def errors(self, stage: StageSpec = SPEC) -> dict[str, str]:
        return {problem.path: problem.text for problem in self.check(stage).errors}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "06_asr")


def test_a_folder_that_keeps_its_contract_has_no_problems(folder: Folder) -> None:
    found = folder.check()
    assert found.problems == ()
    assert [(name, entry.path) for name, entry in found.outputs] == [("segments", "segments.json")]


def unreadable(folder: Folder, make: Callable[[Path], object]) -> str:
    make(folder.manifest)
    found = check_contract(SPEC, folder.root, RUN)
    assert found.manifest is None
    return str(found.manifest_problem)


def as_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


def as_giant(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MANIFEST_LIMIT + 1)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda _: None, "there is no manifest.json"),
        (lambda path: path.write_text(""), "not whole JSON"),
        (lambda path: path.write_text('{"stage": "asr", "sta'), "not whole JSON"),
        (lambda path: path.write_bytes(b"\xff\xfe{}"), "not whole JSON"),
        (lambda path: path.write_text("[]"), "does not fit the schema"),
        (lambda path: path.write_text("{}"), "does not fit the schema: stage: Field required, and"),
        (lambda path: path.write_text("[" * 100_000), "not whole JSON"),
        (as_giant, "large; at most"),
        (lambda path: path.symlink_to("/etc/passwd"), "is a symbolic link"),
        (lambda path: path.symlink_to("nowhere"), "is a symbolic link"),
        (os.mkfifo, "not a regular file"),
        (Path.mkdir, "not a regular file"),
        (as_socket, "cannot be read"),
    ],
)
def test_a_manifest_that_cannot_be_read_safely_is_none(
    folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], object],
    problem: str,
) -> None:
    monkeypatch.chdir(folder.root)
    assert problem in unreadable(folder, make)


def test_a_folder_that_is_gone_is_a_missing_manifest(tmp_path: Path) -> None:
    found = check_contract(SPEC, tmp_path / "gone", RUN)
    assert found.manifest_problem == "there is no manifest.json"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("stage", "vad", "it speaks of stage 'vad', number 6"),
        ("stage_number", 5, "number 5"),
        ("stage_number", None, "number None"),
        ("stage_id", "05_vad", "its stage_id is '05_vad'"),
        ("run_id", "20261121-0914-0000", "written in the run 20261121-0914-0000, not in"),
    ],
)
def test_a_manifest_of_another_stage_or_run_does_not_count(
    folder: Folder, key: str, value: object, problem: str
) -> None:
    folder.document[key] = value
    assert problem in folder.errors()["manifest.json"]


def test_a_manifest_that_names_no_run_may_be_this_ones(folder: Folder) -> None:
    del folder.document["run_id"], folder.document["stage_id"]
    assert folder.check().problems == ()


@pytest.mark.parametrize("status", ["running", "failed", "skipped"])
def test_only_a_success_is_held_against_the_files(folder: Folder, status: str) -> None:
    folder.document["status"] = status
    (folder.root / "segments.json").unlink()
    found = folder.check()
    assert found.problems == ()
    assert found.outputs == ()


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
    assert len(found.problems) == 300
    assert not any(problem.is_warning for problem in found.problems[:150])
    assert len(found.errors) == 150


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


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=2000))
def test_no_bytes_in_a_manifest_break_the_check(folder: Folder, data: bytes) -> None:
    folder.manifest.write_bytes(data)
    assert check_contract(SPEC, folder.root, RUN).manifest is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
KEYS = [
    *("stage", "stage_number", "status", "inputs", "outputs", "intermediate_files", "config"),
    *("warnings", "errors", "run_id", "duration_seconds", "schema_version", "timestamp"),
]
PATHS = st.sampled_from(["06_asr/segments.json", "06_asr", "..", "\0", "/", "06_asr//", "06_asr/."])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(KEYS), JSON),
    st.lists(PATHS | st.text(max_size=30), max_size=3),
)
def test_no_json_in_a_manifest_breaks_the_check(
    folder: Folder, parts: dict[str, Any], paths: list[str]
) -> None:
    files = [{"type": "t", "path": path} for path in paths]
    document = {**folder.document, "outputs": files, "intermediate_files": files, **parts}
    folder.manifest.write_text(json.dumps(document))
    found = check_contract(SPEC, folder.root, RUN)
    assert (found.manifest is None) != (found.manifest_problem is None)
