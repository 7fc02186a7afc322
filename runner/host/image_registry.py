"""Images pushed to a registry, and pulled from it under the names that the project gives them."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from runner.errors import (
    DiskFullError,
    EngineError,
    ImageMismatchError,
    UsageError,
)
from runner.events import Notice, Observer
from runner.host.engine import DockerEngine
from runner.host.engine_errors import refusal, translated
from runner.host.images import Condition, image_ids, recipe_state
from runner.host.recipe import KIND, NAME, Recipe

HOST: Final = re.compile(r"(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9.-]+(?=:))(:\d{1,5})?")
FOLDER: Final = re.compile(r"(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")


@dataclass(frozen=True, kw_only=True)
class SharedImage:
    """An image that went to a registry or came from it; ``digest`` is its id here.

    ``reason`` says what it is older than; it is empty for an image that is up to date.
    """

    image: str
    remote: str
    digest: str
    reason: str = ""


def check_registry(text: str) -> str:
    """A registry's host, with a folder in it or without. Raises UsageError."""
    host, slash, folder = text.partition("/")
    if HOST.fullmatch(host) and FOLDER.fullmatch(slash + folder):
        return text
    msg = (
        f"{text!r} names no registry: write its host, and a folder if you like, as in "
        "registry.example:5000/films, without https://."
    )
    raise UsageError(msg)


def push_images(
    engine: DockerEngine, images: Mapping[str, str], registry: str, tell: Observer
) -> list[SharedImage]:
    """Push images; ``images`` has for each name the command that makes it.

    Raises ImageMissingError before anything is pushed, or EngineError with what the registry said.
    """
    pushed = []
    for image, digest in image_ids(engine, images).items():
        remote = f"{registry}/{image}"
        with _named(engine, image, remote) as (repository, tag), _told(engine, "pushed", remote):
            _raise_errors(engine.api.push(repository, tag=tag, stream=True, decode=True))
        tell(Notice(stage=None, message=f"{remote} pushed"))
        pushed.append(SharedImage(image=image, remote=remote, digest=digest))
    return pushed


def pull_images(
    engine: DockerEngine, recipes: Sequence[Recipe], registry: str, tell: Observer
) -> list[SharedImage]:
    """Pull the images of these recipes; each takes the place of one of the same name.

    Raises EngineError with what the registry said, and ImageMismatchError for an image that is
    another one than its name says.
    """
    pulled = []
    for recipe in recipes:
        remote = f"{registry}/{recipe.image}"
        repository, _, tag = remote.rpartition(":")
        with _told(engine, "pulled", remote):
            _raise_errors(engine.api.pull(repository, tag=tag, stream=True, decode=True))
        try:
            pulled.append(_taken(engine, recipe, remote))
        finally:
            _forget(engine, remote)
        tell(Notice(stage=None, message=f"{remote} pulled"))
    return pulled


def _taken(engine: DockerEngine, recipe: Recipe, remote: str) -> SharedImage:
    """Give what was pulled its name here."""
    found = engine.image(remote)
    labels = found.labels if found else {}
    if found is None or (labels.get(KIND), labels.get(NAME)) != (recipe.kind, recipe.name):
        msg = f"{remote} is no image of {recipe.name}; it was pulled, and is left aside."
        raise ImageMismatchError(msg)
    local, _, tag = recipe.image.rpartition(":")
    with translated(engine.address):
        engine.api.tag(remote, local, tag)
    state = recipe_state(recipe, found)
    reason = "" if state.condition is Condition.PRESENT else state.reason
    return SharedImage(image=recipe.image, remote=remote, digest=found.digest, reason=reason)


@contextlib.contextmanager
def _named(engine: DockerEngine, image: str, remote: str) -> Iterator[tuple[str, str]]:
    """The image under another name for the time of the block; yields its two parts."""
    repository, _, tag = remote.rpartition(":")
    with translated(engine.address):
        engine.api.tag(image, repository, tag)
    try:
        yield repository, tag
    finally:
        _forget(engine, remote)


def _forget(engine: DockerEngine, remote: str) -> None:
    """Take a name away; the image has another one, or nobody asked for it."""
    with contextlib.suppress(EngineError):
        engine.remove_image(remote)


@contextlib.contextmanager
def _told(engine: DockerEngine, what: str, remote: str) -> Iterator[None]:
    """Say of an error which image it was, and that the same command goes on."""
    try:
        with translated(engine.address):
            yield
    except DiskFullError:
        raise
    except EngineError as problem:
        msg = (
            f"{remote} was not {what}: {str(problem).removeprefix('the engine refused: ')} "
            "Repeat the same command once it is mended; what is there already is not sent again."
        )
        raise EngineError(msg) from problem


def _raise_errors(lines: Iterable[Any]) -> None:
    for line in lines:
        if problem := line.get("error"):
            raise refusal(str(problem))
