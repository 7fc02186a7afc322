"""Images saved into a folder and loaded from it, and folders that must not be loaded."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.errors import DiskFullError
from runner.host.engine import DockerEngine
from runner.host.image_archives import save_images
from runner.host.recipe import image_name
from tests.faults.small_disk import NEEDS_ROOT, small_disk
from tests.integration.carried import STAGE, carried_project, remove_images
from tests.project_kit import Kit

pytestmark = [pytest.mark.engine, pytest.mark.images, pytest.mark.alone]

IMAGE = image_name(STAGE)
NEEDS_ZSTD = pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, engine: DockerEngine) -> Iterator[Kit]:
    with carried_project(tmp_path_factory.mktemp("saved") / "project", engine) as kit:
        assert kit.run("build", timeout=900).returncode == 0
        yield kit


@pytest.fixture(scope="module")
def saved(built: Kit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives") / "images"
    done = built.run("images", "save", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    """The saved folder, to be spoilt."""
    return shutil.copytree(saved, tmp_path / "copy")


@pytest.mark.parametrize("option", ["--json", pytest.param("--zstd", marks=NEEDS_ZSTD)])
def test_a_saved_image_is_the_same_one_after_it_was_loaded(
    built: Kit, engine: DockerEngine, tmp_path: Path, option: str
) -> None:
    before = engine.image(IMAGE)
    assert built.run("images", "save", option, tmp_path / "images", "carried").returncode == 0
    remove_images(engine)
    done = built.run("images", "load", tmp_path / "images")
    assert (done.returncode, done.stdout) == (0, "1 image loaded, as they were saved\n")
    after = engine.image(IMAGE)
    assert before is not None
    assert after is not None
    assert (after.digest, after.labels) == (before.digest, before.labels)
    assert "as new as their sources" in built.run("build").stdout


@NEEDS_ZSTD
def test_a_compressed_archive_takes_the_place_of_a_plain_one(built: Kit, copy: Path) -> None:
    assert built.run("images", "save", "--zstd", copy).returncode == 0
    assert {path.name for path in copy.iterdir()} == {"images.json", "images.tar.zst"}


def test_a_changed_byte_is_found_before_anything_is_loaded(built: Kit, copy: Path) -> None:
    with (copy / "images.tar").open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff\x00\xff")
    done = built.run("images", "load", copy)
    assert done.returncode == 5
    assert "images.tar is not the file that was written: its SHA-256 is another" in done.stderr


def test_a_truncated_archive_is_found(built: Kit, copy: Path) -> None:
    with (copy / "images.tar").open("r+b") as file:
        file.truncate(10_000)
    done = built.run("images", "load", copy)
    assert done.returncode == 5
    assert "it has 10 kB (10000 bytes) and should have" in done.stderr


def test_an_archive_of_another_image_than_the_index_says_is_found_when_it_is_loaded(
    built: Kit, copy: Path
) -> None:
    index = json.loads((copy / "images.json").read_text())
    index["archive"]["images"] = {IMAGE: "sha256:" + "0" * 64}
    (copy / "images.json").write_text(json.dumps(index))
    done = built.run("images", "load", copy)
    assert done.returncode == 5
    assert f"holds another image than images.json says: {IMAGE} is sha256:" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "images.json is not in it"),
        ("[]", "images.json is not as stagerun writes it"),
        ('{"archive": {"file": "../x"}}', "is no file of this folder"),
    ],
)
def test_a_foreign_folder_is_refused_with_the_command_that_makes_one(
    built: Kit, tmp_path: Path, text: str | None, words: str
) -> None:
    if text is not None:
        (tmp_path / "images.json").write_text(text)
    done = built.run("images", "load", tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "stagerun images save DIR makes such a folder" in done.stderr


def test_a_folder_with_other_files_is_not_written_into(built: Kit, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    done = built.run("images", "save", tmp_path)
    assert (done.returncode, "holds other files" in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize("zstd", [False, pytest.param(True, marks=NEEDS_ZSTD)])
def test_a_full_disk_leaves_no_folder_that_looks_complete(
    built: Kit, engine: DockerEngine, tmp_path: Path, zstd: bool
) -> None:
    _ = built
    with small_disk(tmp_path, "1M"):
        with pytest.raises(DiskFullError, match="no space left for"):
            save_images(engine, {IMAGE: ""}, tmp_path / "images", zstd=zstd)
        assert list((tmp_path / "images").iterdir()) == []
