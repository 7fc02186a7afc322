"""A folder with everything that builds need of the network, for builds without any."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from runner.errors import ImageMismatchError
from runner.host.apt_sources import AptSource
from runner.host.build_context import SITE_FOLDER, ContextFile
from runner.host.carried_files import CarriedFile, read_index, verify
from runner.host.engine import DockerEngine
from runner.host.image_archives import ImageArchive, load_archive
from runner.host.recipe import Recipe
from runner.host.site import MOUNTED, Site, same_times
from runner.project.schema import Part

INDEX: Final = "collection.json"
DEBIAN_ARCHIVE: Final = "debian.tar"
DEBS: Final = "debs"
WHEELS: Final = "wheels"
PACKAGES: Final = f"{DEBS}/Packages"


class CollectedFor(Part):
    """What was collected for an image: the digest of its sources then, and its files."""

    sources: str
    debs: tuple[str, ...]
    wheels: tuple[str, ...]


class CollectionIndex(Part):
    """``collection.json``."""

    schema_version: Literal[1] = 1
    debian: ImageArchive
    files: tuple[CarriedFile, ...]
    images: dict[str, CollectedFor]


@dataclass(frozen=True)
class Collection:
    """A folder that was collected and is as it was written."""

    folder: Path
    index: CollectionIndex

    @property
    def debian(self) -> str:
        """The name of the Debian image that the images stand on."""
        return next(iter(self.index.debian.images))

    @property
    def site(self) -> Site:
        """What builds are told instead of this machine's mirrors."""
        local = AptSource(
            uris=(f"file:{MOUNTED}/{DEBS}",),
            suites=("./",),
            components=(),
            options={"trusted": "yes"},
        )
        where = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"{MOUNTED}/{WHEELS}"}
        return Site(sources=(local,), environment=where | same_times(os.environ))

    def check(self, recipe: Recipe) -> None:
        """Raise ImageMismatchError when an image was not collected for, or has changed since."""
        found = self.index.images.get(recipe.image)
        if found is not None and found.sources == recipe.digest:
            return
        why = "has nothing for it" if found is None else "was made for other sources of it"
        msg = (
            f"{recipe.image} cannot be built from {self.folder}, which {why}. Where there is a "
            "network: stagerun images collect DIR"
        )
        raise ImageMismatchError(msg)

    def files(self, recipe: Recipe) -> tuple[ContextFile, ...]:
        """The packages and wheels of one image, as its build steps find them."""
        mine = self.index.images[recipe.image]
        index = "".join(self._stanzas[name] for name in mine.debs)
        found = [ContextFile(path=f"{SITE_FOLDER}/{PACKAGES}", source=index.encode())]
        for kind, names in ((DEBS, mine.debs), (WHEELS, mine.wheels)):
            found += [
                ContextFile(
                    path=f"{SITE_FOLDER}/{kind}/{name.rpartition('/')[2]}",
                    source=self.folder / kind / name,
                )
                for name in names
            ]
        return tuple(found)

    @cached_property
    def _stanzas(self) -> dict[str, str]:
        """What apt wants to know of each package's file, by the file's name."""
        text = (self.folder / PACKAGES).read_text(encoding="utf-8")
        stanzas = [stanza for stanza in text.split("\n\n") if stanza.strip()]
        return {_file_name(stanza): f"{stanza.strip()}\n\n" for stanza in stanzas}

    def bring_debian(self, engine: DockerEngine) -> None:
        """Load the Debian image unless it is there. Raises ImageMismatchError."""
        archive = self.index.debian
        found = engine.image(self.debian)
        if found is None or found.digest != archive.images[self.debian]:
            load_archive(engine, self.folder, archive)


def _file_name(stanza: str) -> str:
    return stanza.rpartition("Filename: ./")[2].partition("\n")[0]


def open_collection(folder: Path) -> Collection:
    """A folder that ``stagerun images collect`` wrote; every file is verified.

    Raises UsageError for another folder, and ImageMismatchError for a changed file.
    """
    index = read_index(folder, INDEX, CollectionIndex, "stagerun images collect DIR")
    for file in (*index.files, index.debian):
        verify(folder, file)
    return Collection(folder, index)
