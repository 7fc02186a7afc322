"""How each image is made: files, build arguments, parent, labels, and the digest of it all."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from runner.errors import SpecError
from runner.host.build_context import (
    NOT_CODE,
    SITE_FOLDER,
    ContextFile,
    file_at,
    file_digests,
    folder_files,
    sources_digest,
)
from runner.project.pipeline import Project
from runner.project.stage import MAIN, StageSpec, baked_spec
from runner.version import VERSION

RUNNER: Final = Path(__file__).resolve().parents[1]
INSTALLED: Final = RUNNER / "house"
HOUSE: Final = INSTALLED if INSTALLED.is_dir() else RUNNER.parent
"""Where ``images/`` and ``shared/`` lie that a project without its own uses."""

SOURCES: Final = "org.stagerun.sources"
KIND: Final = "org.stagerun.kind"
NAME: Final = "org.stagerun.name"
PROJECT: Final = "org.stagerun.project"
FILES: Final = "org.stagerun.files"
PARENT: Final = "org.stagerun.parent"
OCI: Final = "org.opencontainers.image"

LICENSE: Final = "MIT"
"""The licence of the stages that come with stagerun."""

ROOT: Final = "root"
"""The folder of a stage's context that becomes the image's root."""

APP: Final = f"{ROOT}/app"

PARENT_LINE: Final = r"^ARG PARENT=stagerun/parent-([\w.-]+):current$"
"""How a parent's Dockerfile names its own parent."""

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
        return _dockerfile_text(self.files)

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


class Recipes:
    """The recipes of a project's images; each is made once, of the sources as they are then."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[str, Recipe] = {}

    def stage(self, stage: StageSpec, variant: str = MAIN) -> Recipe:
        """How one variant of a stage is made.

        Raises SpecError when its parent or the program that its command starts is not there.
        """
        image = image_name(stage.id, variant)
        if image not in self._known:
            parent_name = stage.parents[variant].image
            if self._dockerfile(parent_name) is None:
                msg = (
                    f"{stage.file}: there is no parent image {parent_name!r}; it would be made by "
                    f"{self._project.root / 'images' / parent_name / 'Dockerfile'}. "
                    f"There are: {', '.join(self.parent_names())}."
                )
                raise SpecError(msg)
            if problem := stage.command.problem(stage.folder):
                msg = f"{stage.file}: {problem}."
                raise SpecError(msg)
            self._known[image] = self._stage(stage, variant, image, self.parent(parent_name))
        return self._known[image]

    @cached_property
    def _library(self) -> tuple[ContextFile, ...]:
        """The in-container library, which every stage image holds."""
        return folder_files(self._find("shared"), f"{APP}/shared")

    def _stage(self, stage: StageSpec, variant: str, image: str, parent: Recipe) -> Recipe:
        spec = json.dumps(baked_spec(stage, self._project.stage_ids), indent=1, sort_keys=True)
        template = self._find("images/stage.Dockerfile").read_text()
        command = json.dumps(stage.command.inside(f"/app/{stage.id}"))
        dockerfile = template.replace("${COMMAND}", command).replace("${VARIANT}", variant)
        files = (
            ContextFile(path="Dockerfile", source=dockerfile.encode()),
            file_at(f"{ROOT}/entry.sh", self._find("images/entry.sh")),
            *self._library,
            *folder_files(stage.folder, f"{APP}/{stage.id}", NOT_CODE),
            ContextFile(path=f"{APP}/{stage.id}/spec.json", source=spec.encode()),
        )
        return Recipe(
            image=image,
            kind="stage",
            name=stage.id,
            title=stage.id,
            description=stage.summary,
            files=files,
            arguments={"PARENT": parent.image},
            parent=parent,
            licenses=LICENSE if stage.folder.is_relative_to(HOUSE) else "",
        )

    def parent(self, name: str, above: tuple[str, ...] = ()) -> Recipe:
        """How a parent image is made. Its own parent is the one that its Dockerfile names.

        ``above`` are those that stand on it. Raises SpecError for one that is not there, and for
        parents that stand on each other.
        """
        image = parent_image(name)
        if image not in self._known:
            folder = self._find(f"images/{name}")
            files = (*folder_files(folder), *folder_files(self._find("images/steps"), "steps"))
            text = _dockerfile_text(files)
            below = self._below(text, folder, above)
            self._known[image] = Recipe(
                image=image,
                kind="parent",
                name=name,
                title=f"stagerun parent {name}",
                description=_opening_comment(text),
                files=files,
                parent=self.parent(below, (*above, name)) if below else None,
            )
        return self._known[image]

    def _below(self, dockerfile: str, folder: Path, above: tuple[str, ...]) -> str | None:
        """The parent that a parent's Dockerfile stands on."""
        named = re.search(PARENT_LINE, dockerfile, re.MULTILINE)
        if named is None:
            return None
        chain = (*above, folder.name, named[1])
        if named[1] in chain[:-1]:
            msg = f"{folder}: the parent images stand on each other: {' → '.join(chain)}."
            raise SpecError(msg)
        if self._dockerfile(named[1]) is None:
            msg = (
                f"{folder / 'Dockerfile'} stands on the parent image {named[1]!r}, which there is "
                f"not. There are: {', '.join(self.parent_names())}."
            )
            raise SpecError(msg)
        return named[1]

    def locked_pythons(self) -> str:
        """For which Pythons the wheels of the project's parents are locked, as ``cp311 …``."""
        names = {
            parent.image
            for stage in self._project.stages.values()
            for parent in stage.parents.values()
        }
        found = set()
        for name in names:
            lock = self._project.root / "images" / name / "requirements.lock"
            text = lock.read_text() if lock.is_file() else ""
            for tags in re.findall(r"^# python: *(.*)$", text, re.MULTILINE):
                found.update(tags.split())
        return " ".join(sorted(found - {"py3", "abi3"}))

    def _dockerfile(self, name: str) -> Path | None:
        paths = (folder / "images" / name / "Dockerfile" for folder in (self._project.root, HOUSE))
        return next((path for path in paths if path.is_file()), None)

    def parent_names(self) -> list[str]:
        """The parent images that there are, of the project and of stagerun."""
        folders = {self._project.root / "images", HOUSE / "images"}
        return sorted({path.parent.name for one in folders for path in one.glob("*/Dockerfile")})

    def _find(self, name: str) -> Path:
        """A file or folder of the project, or stagerun's own. Raises SpecError without either."""
        for folder in (self._project.root, HOUSE):
            if (folder / name).exists():
                return folder / name
        msg = f"{self._project.root / name} is missing, and stagerun has none of its own."
        raise SpecError(msg)


def _dockerfile_text(files: tuple[ContextFile, ...]) -> str:
    for file in files:
        if file.path == "Dockerfile":
            with file.open() as stream:
                return stream.read().decode(errors="replace")
    return ""


def _opening_comment(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines)
