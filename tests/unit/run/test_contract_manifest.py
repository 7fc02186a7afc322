"""The contract check on the manifest: whose it is, and that nothing in it breaks the check."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.run.contract import check_contract
from runner.run.stage_manifest import MANIFEST_LIMIT
from tests.unit.run.stage_folders import RUN, SPEC, Folder, as_socket


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "06_asr")


def unreadable(folder: Folder, make: Callable[[Path], object]) -> str:
    make(folder.manifest)
    found = check_contract(SPEC, folder.root, RUN)
    assert found.manifest is None
    return str(found.manifest_problem)


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


def test_a_file_of_holes_is_refused_and_not_read_for_a_checksum(folder: Folder) -> None:
    os.truncate(folder.root / "segments.json", 8 << 40)
    folder.document["outputs"] = [
        {"type": "text", "path": "06_asr/segments.json", "checksum": "sha256:" + "0" * 64}
    ] * 100
    found = folder.check()
    assert [problem.text.partition(":")[2] for problem in found.errors] == [" all holes"]


def test_a_long_text_full_of_commas_is_one_value(folder: Folder) -> None:
    folder.document["config"] = {"text": 'a, [{"' * 100_000}
    assert folder.check().manifest is not None


def test_names_that_are_too_long_together_are_a_finding(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.root)
    for _ in range(16):
        os.mkdir("d" * 200)  # noqa: PTH102  (from here a path would be long)
        os.chdir("d" * 200)
    for number in range(2700):
        os.close(os.open(str(number), os.O_CREAT))
    assert "names are too long" in folder.check().errors[0].text
