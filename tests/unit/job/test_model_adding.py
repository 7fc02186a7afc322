"""Adding to the model store: nothing is overwritten, and nothing is written elsewhere."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from runner.errors import UsageError
from runner.job.model_adding import add_model
from runner.job.model_store import RECORD, find_model, read_record
from runner.model_record import ModelRecord
from tests.unit.job.conftest import NEEDED, added, ignore, refuse


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


def test_the_record_is_as_published_and_is_read_whole(store: Path, source: Path) -> None:
    folder = added(store, source)
    published = ModelRecord.model_validate_json((folder / RECORD).read_bytes())
    known = read_record(folder, NEEDED.name)
    assert {name: asdict(facts) for name, facts in known.items()} == {
        name: facts.model_dump() for name, facts in published.files.items()
    }


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
