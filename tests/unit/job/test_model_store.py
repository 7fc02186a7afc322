"""The model store: what is in it is what was added, and large files are hashed once."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from runner.errors import ModelMissingError, UsageError
from runner.events import Event
from runner.job.fingerprint import file_digest
from runner.job.model_store import (
    RECORD,
    add_model,
    departures,
    find_model,
    read_record,
    recorded_models,
)
from runner.project.models import NeededModel

NEEDED = NeededModel(
    stage="06_asr", key="whisper", name="whisper/small", files=("model.bin", "deep/a.json")
)


def ignore(_: Event) -> None:
    """Nobody watches."""


def refuse(path: Path) -> NoReturn:
    msg = f"{path} was hashed again"
    raise AssertionError(msg)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "downloaded"
    (folder / "deep").mkdir(parents=True)
    (folder / "model.bin").write_text("weights")
    (folder / "deep" / "a.json").write_text("{}")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("")
    return folder


def added(store: Path, source: Path) -> Path:
    add_model(store, NEEDED.name, source, ignore)
    return store / NEEDED.name


def test_a_model_that_was_added_is_found_and_not_hashed_again(store: Path, source: Path) -> None:
    folder = added(store, source)
    found = find_model(store, NEEDED, refuse)
    assert (found.folder, found.name) == (folder, "whisper/small")
    assert found.files == {
        "model.bin": file_digest(source / "model.bin"),
        "deep/a.json": file_digest(source / "deep/a.json"),
    }
    assert sorted(path.name for path in folder.iterdir()) == [RECORD, "deep", "model.bin"]


def test_no_second_copy_is_made_where_a_link_will_do(store: Path, source: Path) -> None:
    assert (added(store, source) / "model.bin").samefile(source / "model.bin")


def test_links_of_a_download_become_files(store: Path, source: Path, tmp_path: Path) -> None:
    (tmp_path / "blob").write_text("weights")
    (source / "model.bin").unlink()
    (source / "model.bin").symlink_to(tmp_path / "blob")
    assert not (added(store, source) / "model.bin").is_symlink()
    find_model(store, NEEDED, refuse)


def test_one_file_can_be_added_to_others(store: Path, source: Path) -> None:
    added(store, source)
    extra = source / "tokenizer.json"
    extra.write_text("{}")
    assert set(add_model(store, NEEDED.name, extra, ignore)) == {
        "model.bin",
        "deep/a.json",
        "tokenizer.json",
    }


def test_adding_the_same_again_changes_nothing_and_other_content_is_refused(
    store: Path, source: Path
) -> None:
    folder = added(store, source)
    added(store, source)
    (source / "model.bin").unlink()
    (source / "model.bin").write_text("others!")
    with pytest.raises(UsageError, match="is there already, and is not"):
        added(store, source)
    assert (folder / "model.bin").read_text() == "weights"


def test_files_put_there_by_hand_are_hashed_and_can_be_recorded(store: Path, source: Path) -> None:
    folder = store / NEEDED.name
    folder.parent.mkdir(parents=True)
    source.rename(folder)
    assert find_model(store, NEEDED).files["model.bin"] == file_digest(folder / "model.bin")
    with pytest.raises(UsageError, match="no digests of whisper/small are on record"):
        list(departures(store, NEEDED.name))
    add_model(store, NEEDED.name, folder, ignore)
    find_model(store, NEEDED, refuse)
    assert recorded_models(store) == ["whisper/small"]


def test_a_file_that_was_only_touched_is_hashed_and_good(store: Path, source: Path) -> None:
    path = added(store, source) / "model.bin"
    os.utime(path, ns=(1, 1))
    hashed: list[Path] = []

    def digest(file: Path) -> str:
        hashed.append(file)
        return file_digest(file)

    find_model(store, NEEDED, digest)
    assert hashed == [path]


def make_other(path: Path) -> None:
    path.unlink()
    path.write_text("heights")


def make_link(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to("real")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (make_other, "is not the file that was added"),
        (Path.unlink, "lacks model.bin"),
        (make_link, "over a symbolic link"),
    ],
)
def test_a_model_that_is_not_what_was_added_is_refused(
    store: Path, source: Path, change: Callable[[Path], None], problem: str
) -> None:
    folder = added(store, source)
    change(folder / "model.bin")
    with pytest.raises(ModelMissingError, match=problem) as caught:
        find_model(store, NEEDED)
    assert str(folder) in str(caught.value)
    assert "stagerun models add whisper/small" in str(caught.value)
    (departure,) = departures(store, NEEDED.name)
    assert departure[0] == "model.bin"


def test_the_folder_and_files_expected_are_named(store: Path) -> None:
    with pytest.raises(ModelMissingError) as caught:
        find_model(store, NEEDED)
    text = str(caught.value)
    assert text.startswith("06_asr needs the model whisper/small")
    assert f"{store / NEEDED.name} must hold model.bin, deep/a.json" in text
    with pytest.raises(ModelMissingError, match=r"models: FOLDER"):
        find_model(None, NEEDED)


@pytest.mark.parametrize("text", ["{", "[]", '{"files": {"model.bin": {}}}'])
def test_a_broken_record_is_named_and_can_be_written_anew(
    store: Path, source: Path, text: str
) -> None:
    folder = added(store, source)
    (folder / RECORD).write_text(text)
    with pytest.raises(ModelMissingError, match=RECORD):
        find_model(store, NEEDED)
    add_model(store, NEEDED.name, folder, ignore)
    assert set(read_record(folder, NEEDED.name)) == set(NEEDED.files)


def test_a_folder_without_files_and_one_around_the_store_are_refused(
    store: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no files"):
        add_model(store, "m", tmp_path / "empty", ignore)
    with pytest.raises(UsageError, match="own folder"):
        add_model(store, "m", tmp_path, ignore)
    with pytest.raises(UsageError, match="cannot be used"):
        add_model(store, "m", tmp_path / "absent", ignore)
    assert not store.exists()


def test_the_record_says_where_a_model_came_from(store: Path, source: Path) -> None:
    record = json.loads((added(store, source) / RECORD).read_text())
    assert (record["name"], record["source"]) == ("whisper/small", str(source))


def test_no_model_is_written_over_a_link_to_a_place_outside_the_store(
    store: Path, source: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    store.mkdir()
    (store / "whisper").symlink_to(elsewhere)
    with pytest.raises(UsageError, match="symbolic link"):
        add_model(store, "whisper/small", source, ignore)
    assert list(elsewhere.iterdir()) == []


def test_no_file_of_a_model_is_written_over_a_link_inside_it(
    store: Path, source: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (store / "whisper" / "small").mkdir(parents=True)
    (store / "whisper" / "small" / "deep").symlink_to(elsewhere)
    with pytest.raises(UsageError, match="symbolic link"):
        add_model(store, "whisper/small", source, ignore)
    assert list(elsewhere.iterdir()) == []


def test_a_hidden_file_cannot_take_the_place_of_the_record(store: Path, tmp_path: Path) -> None:
    hidden = tmp_path / RECORD
    hidden.write_text("{}")
    with pytest.raises(UsageError, match="hidden"):
        add_model(store, "whisper/small", hidden, ignore)
    assert not store.exists()


def test_bytes_changed_in_place_are_found_though_the_time_was_put_back(
    store: Path, source: Path
) -> None:
    add_model(store, "whisper/small", source, ignore)
    path = store / "whisper" / "small" / "model.bin"
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"WEIGHTS")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ModelMissingError, match="not the file that was added"):
        find_model(store, NEEDED)
    assert list(departures(store, NEEDED.name)) == [("model.bin", "is not the file that was added")]


def test_a_file_that_no_stage_declares_is_part_of_what_the_model_is(
    store: Path, source: Path
) -> None:
    folder = added(store, source)
    (folder / "vocabulary.txt").write_text("one")
    before = find_model(store, NEEDED).files
    (folder / "vocabulary.txt").write_text("two!")
    after = find_model(store, NEEDED).files
    assert before.keys() == after.keys() == {"model.bin", "deep/a.json", "vocabulary.txt"}
    assert before != after


def test_an_undeclared_file_that_was_added_and_is_gone_is_missed(store: Path, source: Path) -> None:
    (source / "vocabulary.txt").write_text("one")
    (added(store, source) / "vocabulary.txt").unlink()
    with pytest.raises(ModelMissingError, match=r"lacks vocabulary\.txt"):
        find_model(store, NEEDED)


def test_a_model_that_declares_no_files_is_found_with_what_it_has_and_refused_empty(
    store: Path, source: Path
) -> None:
    free = NeededModel(stage="08_translation", key="marian", name="whisper/small", files=())
    (store / "whisper" / "small").mkdir(parents=True)
    with pytest.raises(ModelMissingError, match=r"holds no files.*stagerun models add"):
        find_model(store, free)
    added(store, source)
    assert find_model(store, free).files.keys() == {"model.bin", "deep/a.json"}
