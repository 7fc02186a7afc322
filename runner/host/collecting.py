"""Gathering what builds need of the network: packages with all they depend on, wheels, Debian.

A build of its own does it, on the Debian that the images stand on and with this machine's mirrors;
what it gathered is taken out of its image, which is then removed.
"""

import io
import os
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from runner.errors import BuildError
from runner.events import Observer
from runner.host.base_image import DEBIAN
from runner.host.build_context import ContextFile, file_at, folder_files
from runner.host.carried_files import carried_file, new_contents, write_index
from runner.host.collection import (
    DEBIAN_ARCHIVE,
    DEBS,
    INDEX,
    PACKAGES,
    WHEELS,
    CollectedFor,
    Collection,
    CollectionIndex,
)
from runner.host.engine import DockerEngine
from runner.host.engine_errors import translated
from runner.host.image_archives import write_archive
from runner.host.image_build import build
from runner.host.images import BuildStep
from runner.host.pip_site import pip_files
from runner.host.recipe import Recipe, with_parents
from runner.host.recipes import HOUSE
from runner.host.site import Site
from runner.host.wanted_packages import wanted_packages
from runner.project.pipeline import Project

KIND: Final = "collected"
WANTED: Final = "wanted"
LISTS: Final = "lists"


def collect(
    project: Project,
    engine: DockerEngine,
    recipes: Sequence[Recipe],
    folder: Path,
    emit: Observer,
    *,
    site: Site | None = None,
) -> Collection:
    """Fill a folder with what these images and those below them need; returns the collection.

    Raises BuildError with the last lines of what failed, SpecError for packages that a Dockerfile
    does not write out, UsageError for a folder of something else, and DiskFullError.
    """
    every = with_parents(recipes)
    gathering = _recipe(every)
    step = BuildStep(recipe=gathering, reason=f"what {len(every)} images need")
    with new_contents(folder, INDEX):
        try:
            _clear(folder, DEBS, WHEELS, LISTS)
            build(project, engine, [step], emit, site=site)
            written = sorted(_take_out(engine, gathering.image, folder))
            index = _index(engine, gathering.image, every, folder, written)
            _clear(folder, LISTS)
            write_index(folder, INDEX, index)
        except BaseException:
            # What is left of it could not be told from somebody's own files.
            _clear(folder, DEBS, WHEELS, LISTS)
            raise
        finally:
            if engine.image(gathering.image) is not None:
                engine.remove_image(gathering.image)
    return Collection(folder, index)


def _clear(folder: Path, *names: str) -> None:
    for name in names:
        shutil.rmtree(folder / name, ignore_errors=True)


def _key(recipe: Recipe) -> str:
    """The name of an image's folders while it is collected for."""
    return f"{recipe.kind}-{recipe.name}-{recipe.image.rpartition(':')[2]}"


def _recipe(recipes: Sequence[Recipe]) -> Recipe:
    """How the image is made in which all is gathered; none is like an earlier one."""
    unique = os.urandom(6).hex()
    found = [
        file_at("Dockerfile", HOUSE / "images/collect.Dockerfile"),
        file_at(f"{WANTED}/collect", HOUSE / "images/collect.sh"),
        # A mirror's packages of today are wanted, not those in the engine's cache.
        ContextFile(path=f"{WANTED}/unique", source=unique.encode()),
        *folder_files(HOUSE / "images/steps", "steps"),
    ]
    for recipe in recipes:
        packages = "\n".join(wanted_packages(recipe)).encode()
        place = f"{WANTED}/{_key(recipe)}"
        found.append(ContextFile(path=f"{place}/packages", source=packages))
        locks = [file for file in recipe.files if file.path == "requirements.lock"]
        found += [ContextFile(path=f"{place}/{lock.path}", source=lock.source) for lock in locks]
    if any(recipe.has_lock for recipe in recipes):
        found += pip_files()
    return Recipe(
        image=f"stagerun/{KIND}:{unique}",
        kind=KIND,
        name=KIND,
        title="packages and wheels",
        description="What was collected for builds without network",
        files=tuple(found),
    )


def _take_out(engine: DockerEngine, image: str, folder: Path) -> Iterator[str]:
    """Copy ``/collected`` of an image into the folder; yields the files' paths in it."""
    with translated(engine.address):
        container = engine.api.create_container(image, command=["true"])["Id"]
        try:
            chunks, _ = engine.api.get_archive(container, "/collected")
            stream = io.BufferedReader(_Chunks(chunks))
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for member in tar:
                    path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
                    source = tar.extractfile(member) if member.isfile() else None
                    if source is None or path.name.startswith(".") or ".." in path.parts:
                        continue
                    _copy(source, folder / path)
                    yield str(path)
        finally:
            engine.api.remove_container(container, force=True)


def _copy(source: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        shutil.copyfileobj(source, file)


class _Chunks(io.RawIOBase):
    """A stream of chunks as a file that is read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def _index(
    engine: DockerEngine,
    image: str,
    recipes: Sequence[Recipe],
    folder: Path,
    written: Sequence[str],
) -> CollectionIndex:
    gathered = engine.image(image)
    debian = engine.image(gathered.labels[DEBIAN]) if gathered else None
    if debian is None or PACKAGES not in written:
        msg = "the collection is not complete: the engine has lost a part of it. Is its disk full?"
        raise BuildError(msg)
    kept = [name for name in written if name.startswith((f"{DEBS}/", f"{WHEELS}/"))]
    return CollectionIndex(
        debian=write_archive(engine, {debian.name: debian.digest}, folder, DEBIAN_ARCHIVE),
        files=tuple(carried_file(folder, name) for name in kept),
        images={recipe.image: _collected_for(recipe, folder, written) for recipe in recipes},
    )


def _collected_for(recipe: Recipe, folder: Path, written: Sequence[str]) -> CollectedFor:
    key = _key(recipe)
    listed = folder / LISTS / key
    debs = listed.read_text().split() if listed.is_file() else []
    wheels = [name for name in written if name.startswith(f"{WHEELS}/{key}/")]
    return CollectedFor(
        sources=recipe.digest,
        debs=tuple(debs),
        wheels=tuple(name.removeprefix(f"{WHEELS}/") for name in wheels),
    )
