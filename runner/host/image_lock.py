"""``images.lock``: what was in a project's images when it was written.

It is a record, not a source: mirrors move on, so a build cannot be told to take old packages.
"""

import re
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from runner.errors import ImageMismatchError, ImageMissingError, UsageError
from runner.host.base_image import DEBIAN
from runner.host.engine import DockerEngine
from runner.host.engine_errors import translated
from runner.host.image_list import project_recipes
from runner.host.images import Condition, StageImage, recipe_state
from runner.host.inventory import Kind, take_inventory
from runner.host.recipe import Recipe, with_parents
from runner.host.recipes import Recipes
from runner.project.pipeline import Project
from runner.project.schema import Part

LOCK: Final = "images.lock"
WHEEL: Final = re.compile(r"^([A-Za-z0-9][\w.-]*==\S+)", re.MULTILINE)
HASH: Final = re.compile(r"--hash=(sha256:[0-9a-f]{64})")

Versions = dict[str, str]
"""The version of each package; an empty one says that the parent's package is gone."""


class LockedBase(Part):
    """The Debian image below, by the registry's digest, or its id where it was made here."""

    image: str
    digest: str


class LockedImage(Part):
    """An image: its parent, the digests of its sources, and what it has unlike its parent."""

    parent: str | None
    base: LockedBase | None
    files: dict[str, str]
    debian: Versions
    python: Versions
    wheels: dict[str, list[str]]


class ImageLock(Part):
    """The whole document."""

    schema_version: Literal[1] = 1
    images: dict[str, LockedImage]

    def versions(self, image: str | None, kind: Kind) -> Versions:
        """All packages of an image, those of its parents included."""
        locked = self.images.get(image or "")
        if locked is None:
            return {}
        own: Versions = getattr(locked, kind)
        merged = {**self.versions(locked.parent, kind), **own}
        return {name: version for name, version in merged.items() if version}


def read_lock(root: Path) -> ImageLock:
    """The project's ``images.lock``. Raises UsageError."""
    path = root / LOCK
    try:
        return ImageLock.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        msg = f"{path} is not there. Write it once the images are built: stagerun images lock"
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        msg = f"{path} cannot be used: {place}: {first['msg']}. Write it anew: stagerun images lock"
    raise UsageError(msg)


def make_lock(project: Project, engine: DockerEngine, wanted: list[StageImage]) -> ImageLock:
    """The record of all images of a project that are there.

    Raises ImageMissingError where one of those wanted is not there, and ImageMismatchError for an
    image that is older than its sources.
    """
    recipes = Recipes(project)
    chosen = with_parents(recipes.stage(stage, variant) for stage, variant in wanted)
    needed = {recipe.image for recipe in chosen}
    lock = ImageLock(images={})
    for recipe in project_recipes(project):
        state = recipe_state(recipe, engine.image(recipe.image))
        if state.condition is Condition.PRESENT:
            lock = ImageLock(images=lock.images | {recipe.image: _locked(recipe, engine, lock)})
        elif recipe.image in needed:
            missing = state.condition is Condition.MISSING
            msg = f"{recipe.image} cannot be locked: {state.reason}. First: stagerun build"
            raise ImageMissingError(msg) if missing else ImageMismatchError(msg)
    return lock


def write_lock(root: Path, lock: ImageLock) -> Path:
    """Write ``images.lock`` as a whole; returns its path."""
    path, new = root / LOCK, root / f".{LOCK}.new"
    new.write_text(lock.model_dump_json(indent=1) + "\n")
    return new.replace(path)


def _locked(recipe: Recipe, engine: DockerEngine, below: ImageLock) -> LockedImage:
    inside = take_inventory(engine, recipe.image, made_by="stagerun build")
    parent = recipe.parent.image if recipe.parent else None
    return LockedImage(
        parent=parent,
        base=base_of(recipe, engine),
        files=source_files(recipe),
        debian=_unlike(inside.versions("debian"), below.versions(parent, "debian")),
        python=_unlike(inside.versions("python"), below.versions(parent, "python")),
        wheels=_wheels(recipe),
    )


def _unlike(own: Versions, parents: Versions) -> Versions:
    gone = dict.fromkeys(parents.keys() - own.keys(), "")
    changed = {name: version for name, version in own.items() if parents.get(name) != version}
    return dict(sorted((gone | changed).items()))


def base_of(recipe: Recipe, engine: DockerEngine) -> LockedBase | None:
    """The Debian image that an image stands on directly; None where it is not here any more."""
    found = engine.image(recipe.image) if recipe.wants_debian else None
    name = found.labels.get(DEBIAN, "") if found else ""
    debian = engine.image(name) if name else None
    if debian is None:
        return None
    with translated(engine.address):
        facts: dict[str, Any] = engine.api.inspect_image(name)  # type: ignore[no-untyped-call]  # the stubs leave it so
    digests = [text.rpartition("@")[2] for text in facts.get("RepoDigests") or ()]
    return LockedBase(image=name, digest=(digests or [debian.digest])[0])


def source_files(recipe: Recipe) -> dict[str, str]:
    """The digests of what a parent is made of; a lock does not hold the code of stages."""
    return dict(recipe.file_digests) if recipe.kind == "parent" else {}


def _wheels(recipe: Recipe) -> dict[str, list[str]]:
    """The hashes of each wheel that the image's lock file allows, by name and version."""
    found = {}
    for file in recipe.files:
        if file.path == "requirements.lock":
            with file.open() as stream:
                parts = WHEEL.split(stream.read().decode())[1:]
            pairs = zip(parts[::2], parts[1::2], strict=True)
            found.update({name: HASH.findall(rest) for name, rest in pairs})
    return found
