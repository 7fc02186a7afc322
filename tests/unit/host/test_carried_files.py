"""Folders that are carried elsewhere, and what may have happened to them on the way."""

import errno
from pathlib import Path

import pytest

from runner.errors import DiskFullError, ImageMismatchError, UsageError
from runner.host.carried_files import (
    CarriedFile,
    carried_file,
    new_contents,
    read_index,
    verify,
    write_index,
)


def test_a_file_is_the_same_until_a_byte_of_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(b"content")
    entry = carried_file(tmp_path, "a.tar")
    assert verify(tmp_path, entry) == path
    for content, words in ((b"Content", "its SHA-256"), (b"cont", "it has 4 B (4 bytes) and")):
        path.write_bytes(content)
        with pytest.raises(ImageMismatchError) as caught:
            verify(tmp_path, entry)
        assert words in str(caught.value)
    path.unlink()
    with pytest.raises(ImageMismatchError, match="it is not there"):
        verify(tmp_path, entry)


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", "a//b", "a\0"])
def test_an_index_leads_to_no_file_outside_of_its_folder(tmp_path: Path, name: str) -> None:
    entry = CarriedFile.model_construct(file=name, size_bytes=1, sha256="0" * 64)
    write_index(tmp_path, "index.json", entry)
    with pytest.raises(UsageError, match="no file of this folder"):
        read_index(tmp_path, "index.json", CarriedFile, "stagerun images save DIR")


def fill_a_disk(folder: Path) -> None:
    with new_contents(folder, "index.json"):
        assert not (folder / "index.json").exists()
        raise OSError(errno.ENOSPC, "")


def test_the_index_goes_before_anything_is_written_and_a_full_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(DiskFullError, match="no space left"):
        fill_a_disk(tmp_path)


def test_a_file_where_a_folder_is_wanted_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"), new_contents(tmp_path / "file", "i"):
        pass
