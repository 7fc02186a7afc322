"""How one image is made: files, build arguments, parent, labels, and the digest of it all."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from runner.host.build_context import SITE_FOLDER, ContextFile, file_digests, sources_digest
from runner.project.stage import MAIN
from runner.version import VERSION

SOURCES: Final = "org.stagerun.sources"
KIND: Final = "org.stagerun.kind"
NAME: Final = "org.stagerun.name"
PROJECT: Final = "org.stagerun.project"
FILES: Final = "org.stagerun.files"
PARENT: Final = "org.stagerun.parent"
OCI: Final = "org.opencontainers.image"

BASE: Final = "base"
SHORT_DIGEST: Final = 12


def image_name(stage_id: str, variant: str = MAIN) -> str:
    """The name of a stage's image."""
    return f"stagerun/{stage_id}:{variant}"


def parent_image(name: str) -> str:
    """The name of a parent image."""
    return f"stagerun/parent-{name}:current"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what an image holds, apart from what the site adds to the way."""

    image: str
    kind: str
    name: str
    title: str
    description: str
    files: tuple[ContextFile, ...]
    arguments: Mapping[str, str] = field(default_factory=dict)
    parent: "Recipe | None" = None
    licenses: str = ""

    @cached_property
    def file_digests(self) -> dict[str, str]:
        """The digest of each file, by its path in the context."""
        return file_digests(self.files)

    @cached_property
    def digest(self) -> str:
        """The digest of the sources, including the parent's."""
        parent = self.parent.digest if self.parent else ""
        return sources_digest(self.file_digests, self.arguments, parent)

    @cached_property
    def dockerfile(self) -> str:
        """The text of the Dockerfile."""
        return dockerfile_text(self.files)

    @property
    def has_lock(self) -> bool:
        """Whether wheels are installed, which needs pip in the build."""
        return any(file.path == "requirements.lock" for file in self.files)

    @property
    def wants_site(self) -> bool:
        """Whether a step mounts what this site needs to reach its mirrors."""
        return f"source={SITE_FOLDER}" in self.dockerfile

    @property
    def wants_debian(self) -> bool:
        """Whether the image stands on a Debian that has to be chosen."""
        return re.search(r"^ARG DEBIAN\b", self.dockerfile, re.MULTILINE) is not None

    def labels(self, project: str) -> dict[str, str]:
        """The labels of the image, apart from those that are known only when it is built."""
        short = {path: digest[:SHORT_DIGEST] for path, digest in self.file_digests.items()}
        return {
            SOURCES: self.digest,
            KIND: self.kind,
            NAME: self.name,
            PROJECT: project,
            FILES: json.dumps(short, separators=(",", ":"), sort_keys=True),
            f"{OCI}.title": self.title,
            f"{OCI}.description": self.description,
            f"{OCI}.version": VERSION,
            # Always set: without it an image would show its parent's.
            f"{OCI}.licenses": self.licenses,
        }

    def changed_file(self, labels: Mapping[str, str]) -> str | None:
        """The first file that differs from those an image was made of; None if none does."""
        try:
            then = json.loads(labels.get(FILES, ""))
        except ValueError:
            return None
        now = {path: digest[:SHORT_DIGEST] for path, digest in self.file_digests.items()}
        # A stage's Dockerfile is made of its spec, too: the spec is what somebody changed.
        for path in sorted(now.keys() | then.keys(), key=lambda path: (path == "Dockerfile", path)):
            if now.get(path) != then.get(path):
                return self.place(path)
        return None

    def place(self, path: str) -> str:
        """Where the user finds a file of the context."""
        source = next((file.source for file in self.files if file.path == path), None)
        if isinstance(source, Path):
            parts = source.parts
            known = [index for index, part in enumerate(parts) if part in TOP_FOLDERS]
            return "/".join(parts[known[-1] :]) if known else str(source)
        if path.endswith("/spec.json"):
            return f"stages/{self.name}/stage.yaml"
        if path.startswith("root/app/"):
            inside = path.removeprefix("root/app/")
            return inside if inside.startswith("shared/") else f"stages/{inside}"
        return "images/stage.Dockerfile" if path == "Dockerfile" else path


def with_parents(recipes: Iterable[Recipe]) -> list[Recipe]:
    """These images and all those below them, each once, parents before what stands on them."""
    found: dict[str, Recipe] = {}
    for recipe in recipes:
        for item in (*(with_parents([recipe.parent]) if recipe.parent else ()), recipe):
            found[item.image] = item
    return list(found.values())


TOP_FOLDERS: Final = frozenset({"images", "shared", "stages"})


def dockerfile_text(files: tuple[ContextFile, ...]) -> str:
    """The text of the Dockerfile among these files; empty without one."""
    for file in files:
        if file.path == "Dockerfile":
            with file.open() as stream:
                return stream.read().decode(errors="replace")
    return ""
