"""What in images is not as ``images.lock`` has it."""

from collections.abc import Mapping
from typing import Final

from runner.errors import ImageMismatchError
from runner.host.base_image import REGISTRY_IMAGE
from runner.host.engine import DockerEngine
from runner.host.image_lock import LOCK, ImageLock, LockedBase, LockedImage, base_of, source_files
from runner.host.inventory import Kind, take_inventory
from runner.host.recipe import Recipe

AGAIN: Final = "To take it as it is: stagerun images lock"
MOST_SHOWN: Final = 20
WORDS: Final[dict[Kind, str]] = {"debian": "package", "python": "Python package"}


class LockGuard:
    """Holds images against a lock; each image is looked into once."""

    def __init__(self, lock: ImageLock, engine: DockerEngine) -> None:
        self._lock = lock
        self._engine = engine
        self._checked: set[str] = set()

    def check_sources(self, recipe: Recipe) -> None:
        """Compare what an image and its parents are made of. Raises ImageMismatchError."""
        if recipe.parent:
            self.check_sources(recipe.parent)
        was, now = self._locked(recipe).files, source_files(recipe)
        _refuse(recipe, [f"file {recipe.place(path)} changed" for path in _differing(was, now)])

    def check_with_parents(self, recipe: Recipe) -> None:
        """Check an image and those below it that are there. Raises ImageMismatchError."""
        if recipe.parent and self._engine.image(recipe.parent.image) is not None:
            self.check_with_parents(recipe.parent)
        self.check(recipe)

    def check(self, recipe: Recipe) -> None:
        """Compare what is in an image that was built. Raises ImageMismatchError."""
        if recipe.image in self._checked:
            return
        self._checked.add(recipe.image)
        drifted = _base_drift(self._locked(recipe).base, base_of(recipe, self._engine))
        inside = take_inventory(self._engine, recipe.image, made_by="stagerun build")
        for kind, word in WORDS.items():
            drifted += _drift(word, self._lock.versions(recipe.image, kind), inside.versions(kind))
        _refuse(recipe, drifted)

    def _locked(self, recipe: Recipe) -> LockedImage:
        locked = self._lock.images.get(recipe.image)
        if locked is None:
            msg = f"{recipe.image} is not in {LOCK}. {AGAIN}"
            raise ImageMismatchError(msg)
        return locked


def _refuse(recipe: Recipe, drifted: list[str]) -> None:
    if not drifted:
        return
    lines = drifted[:MOST_SHOWN]
    if (more := len(drifted) - MOST_SHOWN) > 0:
        lines.append(f"and {more} more")
    text = "".join(f"    {line}\n" for line in lines)
    msg = f"{recipe.image} is not as {LOCK} has it:\n{text}{AGAIN}"
    raise ImageMismatchError(msg)


def _base_drift(was: LockedBase | None, now: LockedBase | None) -> list[str]:
    """A base made on this machine differs each time; then its packages tell enough."""
    if was is None or now is None or {was.image, now.image} != {REGISTRY_IMAGE} or was == now:
        return []
    return [f"base {was.image} was {was.digest}, is {now.digest}"]


def _drift(word: str, was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [
        f"{word} {name} was {was.get(name, 'not there')}, is {now.get(name, 'gone')}"
        for name in _differing(was, now)
    ]


def _differing(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
