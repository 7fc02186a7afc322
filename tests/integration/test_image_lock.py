"""Locking images, and builds that are held to the lock."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.host.engine import DockerEngine
from runner.host.image_lock import ImageLock, read_lock
from runner.host.recipe import image_name, parent_image
from tests.integration.carried import STAGE, carried_project
from tests.project_kit import Kit

pytestmark = [pytest.mark.engine, pytest.mark.images, pytest.mark.alone]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, engine: DockerEngine) -> Iterator[Kit]:
    with carried_project(tmp_path_factory.mktemp("locked") / "project", engine) as kit:
        assert kit.run("build", timeout=900).returncode == 0
        yield kit


@pytest.fixture
def locked(built: Kit) -> Kit:
    """The project with a lock of what is there."""
    done = built.run("images", "lock")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "images.lock: 2 images\n"
    return built


def change(kit: Kit, image: str, **changes: Any) -> None:
    path = kit.root / "images.lock"
    document = json.loads(path.read_text())
    for kind, versions in changes.items():
        document["images"][image][kind].update(versions)
    path.write_text(json.dumps(document))


def test_an_image_has_its_packages_once_and_the_parents_are_counted_in(locked: Kit) -> None:
    lock = read_lock(locked.root)
    stage = lock.images[image_name(STAGE)]
    assert (stage.parent, stage.debian, stage.files) == (parent_image("base"), {}, {})
    base = lock.images[parent_image("base")]
    assert base.base is not None
    assert "images/base/Dockerfile" not in base.files
    assert {"Dockerfile", "steps/apt-install"} <= set(base.files)
    assert lock.versions(image_name(STAGE), "debian")["bash"] == base.debian["bash"]


def test_two_locks_of_the_same_images_are_the_same_text(locked: Kit) -> None:
    text = (locked.root / "images.lock").read_text()
    locked.run("images", "lock")
    assert (locked.root / "images.lock").read_text() == text
    assert ImageLock.model_validate_json(text).schema_version == 1


def test_a_build_from_what_is_locked_is_none_to_refuse(locked: Kit) -> None:
    done = locked.run("build", "--locked")
    assert done.returncode == 0, done.stderr


def test_drift_is_refused_after_a_build_and_without_one_and_names_the_packages(
    locked: Kit,
) -> None:
    change(locked, parent_image("base"), debian={"bash": "1.2", "gone": "3"}, python={"x": "1"})
    for code in ("print('a')\n", "print('a')\n"):
        locked.code(STAGE, code)
        done = locked.run("build", "--locked")
        assert done.returncode == 5
        assert "is not as images.lock has it:\n    package bash was 1.2, is 5." in done.stderr
        assert "    package gone was 3, is gone\n" in done.stderr
        assert "    Python package x was 1, is gone\n" in done.stderr
        assert "stagerun images lock" in done.stderr


def test_changed_sources_are_named_before_anything_is_built(
    locked: Kit, engine: DockerEngine
) -> None:
    change(locked, parent_image("base"), files={"Dockerfile": "0", "steps/gone": "0"})
    before = engine.image(image_name(STAGE))
    done = locked.run("build", "--locked", "--force")
    assert done.returncode == 5
    assert "    file images/base/Dockerfile changed\n" in done.stderr
    assert engine.image(image_name(STAGE)) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "images.lock is not there. Write it once the images are built: stagerun images"),
        ("{", "images.lock cannot be used: the file: Invalid JSON"),
        ('{"images": {}, "more": 1}', "cannot be used: more: Extra inputs"),
        ('{"images": {}}', "stagerun/parent-base:current is not in images.lock."),
    ],
)
def test_a_lock_that_cannot_be_used_is_one_sentence(
    built: Kit, text: str | None, words: str
) -> None:
    path: Path = built.root / "images.lock"
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text)
    done = built.run("build", "--locked")
    assert done.returncode == (5 if "is not in" in words else 2)
    assert words in done.stderr


def test_an_old_image_is_not_locked(built: Kit) -> None:
    built.code(STAGE, "print('newer than the image')\n")
    done = built.run("images", "lock")
    assert done.returncode == 5
    assert "cannot be locked: older than stages/91_carried/stage.py. First: stagerun" in done.stderr
