"""What a lock says of images that stand on each other, and how drift from it is told."""

from dataclasses import replace
from pathlib import Path

from runner.errors import ImageMismatchError
from runner.host.build_context import ContextFile
from runner.host.engine_fake import FakeEngine
from runner.host.image_drift import LockGuard
from runner.host.image_lock import ImageLock, LockedImage, source_files
from runner.host.recipe import Recipe

BASE = LockedImage(
    parent=None, base=None, files={"Dockerfile": "1"}, debian={"bash": "5", "perl": "5.36"},
    python={}, wheels={},
)  # fmt: skip
TOOL = LockedImage(
    parent="base", base=None, files={}, debian={"perl": "", "tool": "1"}, python={"x": "2"},
    wheels={},
)  # fmt: skip
LOCK = ImageLock(images={"base": BASE, "tool": TOOL})


def recipe(image: str, kind: str = "parent", parent: Recipe | None = None) -> Recipe:
    file = ContextFile(path="Dockerfile", source=b"FROM x\n")
    return Recipe(
        image=image, kind=kind, name=image, title="", description="", files=(file,), parent=parent
    )


def refusal(sources_of: Recipe) -> str:
    try:
        LockGuard(LOCK, FakeEngine()).check_sources(sources_of)  # type: ignore[arg-type]  # it asks the engine nothing
    except ImageMismatchError as problem:
        return str(problem)
    return ""


def test_an_image_has_its_parents_packages_but_those_that_it_removed() -> None:
    assert LOCK.versions("tool", "debian") == {"bash": "5", "tool": "1"}
    assert LOCK.versions("tool", "python") == {"x": "2"}
    assert LOCK.versions("base", "debian") == BASE.debian
    assert LOCK.versions(None, "debian") == {}


def test_a_lock_holds_the_sources_of_parents_and_not_the_code_of_stages() -> None:
    assert list(source_files(recipe("tool"))) == ["Dockerfile"]
    assert source_files(recipe("tool", kind="stage")) == {}


def test_the_lowest_image_that_drifted_is_told_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "images/base/Dockerfile"
    path.parent.mkdir(parents=True)
    path.write_text("FROM y\n")
    below = replace(recipe("base"), files=(ContextFile(path="Dockerfile", source=path),))
    said = refusal(recipe("tool", parent=below))
    assert said.startswith("base is not as images.lock has it:\n    file images/base/Dockerfile ch")


def test_an_image_that_the_lock_does_not_know_is_told() -> None:
    assert refusal(recipe("new")).startswith("new is not in images.lock. To take it as it is: ")
