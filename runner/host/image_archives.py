"""Images as files, for machines without network: saved, carried over, verified and loaded."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from runner.errors import ImageMismatchError
from runner.host.carried_files import (
    READ_BYTES,
    CarriedFile,
    carried_file,
    new_contents,
    read_index,
    verify,
    write_index,
)
from runner.host.engine import DockerEngine
from runner.host.engine_errors import refusal, translated
from runner.host.images import image_ids
from runner.host.zstd import compress, decompressed
from runner.project.schema import Part

INDEX: Final = "images.json"
ARCHIVE: Final = "images.tar"
COMPRESSED: Final = ".zst"


class ImageArchive(CarriedFile):
    """An archive as ``docker save`` writes it, and the id of each image in it by its name."""

    images: dict[str, str]


class ArchiveIndex(Part):
    """``images.json``."""

    schema_version: Literal[1] = 1
    archive: ImageArchive


def save_images(
    engine: DockerEngine, images: Mapping[str, str], folder: Path, *, zstd: bool
) -> ImageArchive:
    """Write images into a folder, layers that they share once; returns the archive's entry.

    ``images`` has for each name the command that makes the image. Raises ImageMissingError,
    UsageError for a folder of something else, and DiskFullError.
    """
    ids = image_ids(engine, images)
    with new_contents(folder, INDEX):
        for name in (ARCHIVE, ARCHIVE + COMPRESSED):
            (folder / name).unlink(missing_ok=True)
        name = ARCHIVE + (COMPRESSED if zstd else "")
        archive = write_archive(engine, ids, folder, name)
        write_index(folder, INDEX, ArchiveIndex(archive=archive))
    return archive


def write_archive(
    engine: DockerEngine, ids: Mapping[str, str], folder: Path, name: str
) -> ImageArchive:
    """Write one archive, whole or not at all; a name with ``.zst`` is compressed."""
    part = folder / f".{name}.part"
    try:
        with part.open("wb") as file, _saved(engine, list(ids)) as chunks:
            if name.endswith(COMPRESSED):
                compress(chunks, file)
            else:
                for chunk in chunks:
                    file.write(chunk)
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)
    return ImageArchive(**carried_file(folder, name).model_dump(), images=dict(ids))


@contextlib.contextmanager
def _saved(engine: DockerEngine, images: Sequence[str]) -> Iterator[Iterator[bytes]]:
    raw: Any = engine.api  # the SDK saves one image at a time, with all layers in each
    with translated(engine.address):
        response = raw._get(
            raw._url("/images/get"), params={"names": list(images)}, stream=True, timeout=None
        )
        raw._raise_for_status(response)

    def chunks() -> Iterator[bytes]:
        with translated(engine.address):
            yield from response.iter_content(chunk_size=READ_BYTES)

    with response:
        yield chunks()


def load_images(engine: DockerEngine, folder: Path) -> ImageArchive:
    """Bring the images of a folder into the engine; returns the archive's entry.

    Raises UsageError for a folder that ``save_images`` did not write, and ImageMismatchError when
    a file is not as it was written, or an image not the one that was saved.
    """
    made_by = "stagerun images save DIR"
    archive = read_index(folder, INDEX, ArchiveIndex, made_by).archive
    load_archive(engine, folder, archive)
    return archive


def load_archive(engine: DockerEngine, folder: Path, archive: ImageArchive) -> None:
    """Load one archive: its digest is verified before, the ids of its images after."""
    path = verify(folder, archive)
    with contextlib.ExitStack() as stack:
        chunks: Iterator[bytes]
        if path.suffix == COMPRESSED:
            chunks = stack.enter_context(decompressed(path))
        else:
            stream = stack.enter_context(path.open("rb"))
            chunks = iter(lambda: stream.read(READ_BYTES), b"")
        _load(engine, path, chunks)
    for name, identifier in archive.images.items():
        found = engine.image(name)
        if found is None or found.digest != identifier:
            is_now = "not there" if found is None else found.digest
            msg = f"{path} holds another image than {INDEX} says: {name} is {is_now}."
            raise ImageMismatchError(msg)


def _load(engine: DockerEngine, path: Path, chunks: Iterator[bytes]) -> None:
    raw: Any = engine.api  # the SDK's own call reads no errors out of the answer
    with translated(engine.address):
        response = raw._post(
            raw._url("/images/load"),
            params={"quiet": "1"},
            data=chunks,
            headers={"Content-Type": "application/x-tar"},
            timeout=None,
        )
        raw._raise_for_status(response)
    for line in response.text.splitlines():
        answer = json.loads(line)
        if problem := answer.get("error"):
            msg = f"{path}: {problem}"
            raise refusal(msg)
