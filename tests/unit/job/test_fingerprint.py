"""Fingerprints, and digests that are remembered as long as a file stays the same."""

import os
import socket
from pathlib import Path

import pytest

from runner.job.fingerprint import (
    DEEPEST,
    CrowdedFolderError,
    DigestStore,
    difference,
    file_digest,
    fingerprint,
    text_digest,
    walk,
)
from runner.job.folder import Job

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_order_of_components_does_not_matter() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})


@pytest.mark.parametrize("other", [{"a": "2"}, {"b": "1"}, {"a": "1", "b": ""}, {}, {"a1": ""}])
def test_any_other_component_makes_another_fingerprint(other: dict[str, str]) -> None:
    assert fingerprint(other) != fingerprint({"a": "1"})


def test_text_that_no_encoding_has_can_be_part_of_it() -> None:
    assert fingerprint({"a": "\udcff"}).startswith("sha256:")
    assert text_digest("\udcff").startswith("sha256:")


def test_the_first_component_that_differs_is_named() -> None:
    old = {"image": "x", "setting A": "1", "input b": "y"}
    assert difference(old, dict(old)) is None
    assert difference(old, {**old, "setting A": "2"}) == ("setting A", "1", "2")
    assert difference(old, {**old, "new": "n"}) == ("new", "not there", "n")
    assert difference(old, {"image": "x", "setting A": "1"}) == ("input b", "y", "not there")


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert file_digest(tmp_path / "empty") == EMPTY
    (tmp_path / "large").write_bytes(b"x" * 3_000_000)
    (tmp_path / "text").write_text("x" * 3_000_000)
    assert file_digest(tmp_path / "large") == file_digest(tmp_path / "text")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(OSError, match="symbolic links"):
        file_digest(tmp_path / "link")


def overwritten_in_secret(path: Path, store: DigestStore) -> str:
    """What the store says of a file when only its memory could know."""
    known = store.digest(path)
    store.save()
    times = path.stat()
    path.write_bytes(b"y" * times.st_size)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return known


def test_a_file_that_stays_the_same_is_hashed_once(job: Job) -> None:
    path = job.input / "text.txt"
    store = DigestStore(job)
    first = store.digest(path)
    store.save()
    kept = store.file.read_text()
    store.file.write_text(kept.replace(first, EMPTY))
    assert DigestStore(job).digest(path) == EMPTY


def test_a_file_changed_behind_the_same_size_and_time_is_hashed_again(job: Job) -> None:
    path = job.input / "text.txt"
    store = DigestStore(job)
    known = overwritten_in_secret(path, store)
    assert store.digest(path) != known


def test_a_file_replaced_by_another_is_hashed_again(job: Job) -> None:
    path = job.input / "text.txt"
    store = DigestStore(job)
    known = store.digest(path)
    job.write(path, "HELLO\n")
    assert store.digest(path) != known


def test_digests_of_files_that_are_gone_are_forgotten(job: Job) -> None:
    path = job.input / "text.txt"
    store = DigestStore(job)
    store.digest(path)
    store.digest(job.file)
    path.unlink()
    store.save()
    assert str(path) not in store.file.read_text()
    assert str(job.file) in store.file.read_text()


@pytest.mark.parametrize("text", ["", "[]", '{"', "null", "[" * 5000])
def test_a_damaged_memory_is_no_memory(job: Job, text: str) -> None:
    path = job.input / "text.txt"
    (job.private / "digests.json").write_text(text)
    assert DigestStore(job).digest(path) == file_digest(path)


@pytest.mark.parametrize("known", ["1", "[]", "[1, 2, 3, 4]", '"text"', "{}"])
def test_a_damaged_memory_of_one_file_is_no_memory(job: Job, known: str) -> None:
    path = job.input / "text.txt"
    (job.private / "digests.json").write_text(f'{{"{path}": {known}}}')
    assert DigestStore(job).digest(path) == file_digest(path)


def test_the_digest_of_a_file_that_is_gone_is_an_error(job: Job) -> None:
    with pytest.raises(FileNotFoundError):
        DigestStore(job).digest(job.input / "gone")


def test_everything_in_a_folder_is_seen_but_its_cache(tmp_path: Path) -> None:
    for name in (".cache/x", "a/.cache/y", "a/b/c", "z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")
    entries = {entry.path: entry for entry in walk(tmp_path, most=100)}
    assert set(entries) == {"a/.cache/y", "a/b/c", "z", "link", "pipe"}
    assert entries["a/b/c"].is_file
    assert entries["a/b/c"].size == 5
    assert entries["link"].kind == "a symbolic link"
    assert entries["pipe"].kind == "a FIFO"


def test_a_socket_is_seen_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
    assert [entry.kind for entry in walk(tmp_path, most=1)] == ["a socket"]


def test_a_folder_with_more_in_it_than_wanted_is_not_read_to_its_end(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).touch()
    assert len(walk(tmp_path, most=3)) == 3
    with pytest.raises(CrowdedFolderError):
        walk(tmp_path, most=2)


def test_folders_that_are_nested_too_deep_are_an_error(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * DEEPEST)
    deep.mkdir(parents=True)
    assert walk(tmp_path, most=1000) == []
    (deep / "d").mkdir()
    with pytest.raises(OSError, match="too long"):
        walk(tmp_path, most=1000)
