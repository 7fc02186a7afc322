"""Gathering what builds need of the network: packages with all they depend on, wheels, Debian.

A build of its own does it, on the Debian that the images stand on and with this machine's mirrors;
what it gathered is taken out of its image, which is then removed.
"""

import contextlib
import io
import os
import tarfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from runner.errors import BuildError
from runner.events import BuildFinished, BuildProgress, BuildStarted, Observer
from runner.host.base_image import RELEASE, get_debian
from runner.host.build_cache import forget_contexts
from runner.host.build_context import ContextFile, context_tar, file_at, folder_files
from runner.host.buildkit import BuildRequest, send_build
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
from runner.host.image_build import build_error
from runner.host.pip_site import pip_files
from runner.host.recipes import HOUSE, Recipe
from runner.host.site import Site, find_site
from runner.host.wanted_packages import wanted_packages
from runner.project.pipeline import Project

SHOWN_AS: Final = "the collection"
WANTED: Final = "wanted"


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
    begun, started = datetime.now(UTC), time.monotonic()
    site = find_site(release=RELEASE) if site is None else site
    every = _with_parents(recipes)
    emit(BuildStarted(image=SHOWN_AS, reason=f"for {len(every)} images"))

    def tell(step: str, line: str | None) -> None:
        clean = None if line is None else site.redact(line)
        emit(BuildProgress(image=SHOWN_AS, step=site.redact(step), line=clean))

    with new_contents(folder, INDEX):
        base = project.settings.base
        debian = get_debian(engine, base, site, on_line=lambda line: tell("Debian", line))
        image = f"stagerun/collected:{os.urandom(6).hex()}"
        try:
            files = _context(every, site)
            _gather(engine, image, debian, files, site, tell)
            written = sorted(_take_out(engine, image, folder))
        finally:
            forget_contexts(engine.api, begun)
            _remove(engine, image)
        index = _index(engine, debian, every, folder, written)
        write_index(folder, INDEX, index)
    size = sum(file.size_bytes for file in (*index.files, index.debian))
    seconds = time.monotonic() - started
    emit(BuildFinished(image=SHOWN_AS, duration_seconds=seconds, size_bytes=size))
    return Collection(folder, index)


def _with_parents(recipes: Sequence[Recipe]) -> list[Recipe]:
    found: dict[str, Recipe] = {}
    for recipe in recipes:
        below: Recipe | None = recipe
        while below is not None:
            found.setdefault(below.image, below)
            below = below.parent
    return list(found.values())


def _key(recipe: Recipe) -> str:
    """The name of an image's folders while it is collected for."""
    return f"{recipe.kind}-{recipe.name}-{recipe.image.rpartition(':')[2]}"


def _context(recipes: Sequence[Recipe], site: Site) -> tuple[ContextFile, ...]:
    found = [
        file_at("Dockerfile", HOUSE / "images/collect.Dockerfile"),
        file_at(f"{WANTED}/collect", HOUSE / "images/collect.sh"),
        *folder_files(HOUSE / "images/steps", "steps"),
        *site.files(),
    ]
    for recipe in recipes:
        packages = "\n".join(wanted_packages(recipe)).encode()
        place = f"{WANTED}/{_key(recipe)}"
        found.append(ContextFile(path=f"{place}/packages", source=packages))
        locks = [file for file in recipe.files if file.path == "requirements.lock"]
        found += [ContextFile(path=f"{place}/{lock.path}", source=lock.source) for lock in locks]
    if any(recipe.has_lock for recipe in recipes):
        found += pip_files()
    return tuple(found)


def _gather(
    engine: DockerEngine,
    image: str,
    debian: str,
    files: tuple[ContextFile, ...],
    site: Site,
    tell: Any,
) -> None:
    request = BuildRequest(
        image=image,
        arguments={"DEBIAN": debian},
        network="host" if site.host_network else "",
        use_cache=False,
    )
    with contextlib.closing(context_tar(files)) as context:
        failure = send_build(engine.api, request, context, tell)
    if failure:
        raise build_error(SHOWN_AS, failure, site)


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


def _copy(source: Any, path: Path) -> None:
    import shutil

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
    debian: str,
    recipes: Sequence[Recipe],
    folder: Path,
    written: Sequence[str],
) -> CollectionIndex:
    found = engine.image(debian)
    if found is None or PACKAGES not in written:
        msg = f"{SHOWN_AS} is not complete: the engine has lost a part of it. Is its disk full?"
        raise BuildError(msg)
    images = {recipe.image: _collected_for(recipe, folder, written) for recipe in recipes}
    kept = [name for name in written if name.startswith((f"{DEBS}/", f"{WHEELS}/"))]
    return CollectionIndex(
        debian=write_archive(engine, {debian: found.digest}, folder, DEBIAN_ARCHIVE),
        files=tuple(carried_file(folder, name) for name in kept),
        images=images,
    )


def _collected_for(recipe: Recipe, folder: Path, written: Sequence[str]) -> CollectedFor:
    key = _key(recipe)
    listed = folder / "lists" / key
    debs = listed.read_text().split() if listed.is_file() else []
    wheels = [name for name in written if name.startswith(f"{WHEELS}/{key}/")]
    return CollectedFor(
        sources=recipe.digest,
        debs=tuple(debs),
        wheels=tuple(name.removeprefix(f"{WHEELS}/") for name in wheels),
    )


def _remove(engine: DockerEngine, image: str) -> None:
    if engine.image(image) is not None:
        engine.remove_image(image)
