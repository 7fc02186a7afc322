"""How each of a project's images is made."""

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Final

from runner.errors import SpecError
from runner.host.build_context import NOT_CODE, ContextFile, file_at, folder_files
from runner.host.recipe import Recipe, dockerfile_text, image_name, parent_image
from runner.project.baked_spec import baked_spec
from runner.project.pipeline import Project
from runner.project.stage import MAIN, StageSpec

RUNNER: Final = Path(__file__).resolve().parents[1]
INSTALLED: Final = RUNNER / "house"
HOUSE: Final = INSTALLED if INSTALLED.is_dir() else RUNNER.parent
"""Where ``images/`` and ``shared/`` lie that a project without its own uses."""

LICENSE: Final = "MIT"
"""The licence of the stages that come with stagerun."""

ROOT: Final = "root"
"""The folder of a stage's context that becomes the image's root."""

APP: Final = f"{ROOT}/app"

PARENT_LINE: Final = r"^ARG PARENT=stagerun/parent-([\w.-]+):current$"
"""How a parent's Dockerfile names its own parent."""


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
            text = dockerfile_text(files)
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


def _opening_comment(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines)
