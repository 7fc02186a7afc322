"""The model store: what is in it is what was added, and large files are hashed once."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import ModelMissingError, UsageError
from runner.job.fingerprint import file_digest
from runner.job.model_adding import add_model
from runner.job.model_store import (
    RECORD,
    departures,
    find_model,
    read_record,
    recorded_models,
)
from runner.project.models import NeededModel
from tests.unit.job.conftest import FILES, NEEDED, added, ignore, refuse


def test_a_model_that_was_added_is_found_and_not_hashed_again(store: Path, source: Path) -> None:
    folder = added(store, source)
    found = find_model(store, NEEDED, refuse)
    assert (found.folder, found.name) == (folder, "whisper/small")
    assert found.files == {
        "model.bin": file_digest(source / "model.bin"),
        "deep/a.json": file_digest(source / "deep/a.json"),
    }
    assert sorted(path.name for path in folder.iterdir()) == [RECORD, "deep", "model.bin"]


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


CHOICE = replace(NEEDED, files=(("model.bin",), ("words.json", "words.txt")))


def test_a_missing_file_is_named_with_those_that_would_do_as_well(
    store: Path, source: Path
) -> None:
    folder = added(store, source)
    with pytest.raises(ModelMissingError) as caught:
        find_model(store, CHOICE)
    assert f"{folder} lacks words.json or words.txt." in str(caught.value)
    assert f"{folder} must hold model.bin, words.json or words.txt. Add" in str(caught.value)
    (folder / "words.txt").write_text("")
    assert find_model(store, CHOICE).files.keys() == {*FILES, "words.txt"}


def test_of_two_files_that_were_added_neither_may_go(store: Path, source: Path) -> None:
    for name in ("words.json", "words.txt"):
        (source / name).write_text("")
    folder = added(store, source)
    find_model(store, CHOICE)
    (folder / "words.json").unlink()
    with pytest.raises(ModelMissingError, match=r"lacks words\.json\."):
        find_model(store, CHOICE)


def test_a_link_is_no_harm_beside_a_file_that_does_as_well(store: Path, source: Path) -> None:
    folder = added(store, source)
    (folder / "words.json").symlink_to("model.bin")
    with pytest.raises(ModelMissingError, match=r"words\.json is reached over a symbolic link"):
        find_model(store, CHOICE)
    (folder / "words.txt").write_text("")
    assert "words.json" not in find_model(store, CHOICE).files


def test_a_folder_may_hold_several_models_that_are_each_whole(store: Path, source: Path) -> None:
    several = replace(CHOICE, subfolders="*-*")
    (source / "en-es").mkdir()
    (source / "model.bin").rename(source / "en-es" / "model.bin")
    folder = added(store, source)
    with pytest.raises(ModelMissingError) as caught:
        find_model(store, several)
    assert f"{folder} lacks en-es/words.json or en-es/words.txt." in str(caught.value)
    assert "words.txt (or each of its folders *-* must). Add" in str(caught.value)
    (folder / "en-es" / "words.txt").write_text("")
    assert find_model(store, several).files.keys() == {
        "en-es/model.bin",
        "en-es/words.txt",
        "deep/a.json",
    }


@pytest.mark.parametrize("text", ["{", "[]", '{"files": {"model.bin": {}}}'])
def test_a_broken_record_is_named_and_can_be_written_anew(
    store: Path, source: Path, text: str
) -> None:
    folder = added(store, source)
    (folder / RECORD).write_text(text)
    with pytest.raises(ModelMissingError, match=RECORD):
        find_model(store, NEEDED)
    add_model(store, NEEDED.name, folder, ignore)
    assert set(read_record(folder, NEEDED.name)) == FILES


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
