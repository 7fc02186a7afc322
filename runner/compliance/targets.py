"""What there is to check below the paths that somebody names: stages, lone files, Dockerfiles."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.errors import SpecError, StagerunError, UsageError
from runner.host.build_context import NOT_CODE
from runner.project.pipeline import Project, load_project
from runner.project.stage import StageSpec, load_stage

SPEC: Final = "stage.yaml"
DOCKERFILE: Final = "Dockerfile"
SKIPPED: Final = frozenset({"__pycache__", "fixture", "node_modules"})
NO_CODE: Final = SKIPPED | NOT_CODE
"""The folders of a stage that are no part of its program."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Files that belong together: a stage's, whose ``folder`` holds its spec, or a lone one."""

    files: tuple[Path, ...]
    folder: Path | None = None
    stage: StageSpec | None = None
    project: Project | None = None
    problem: str | None = None


@dataclass
class Targets:
    """Gathers targets; a stage of which several files are named is one target."""

    wanted: dict[Path, set[Path]] = field(default_factory=dict)
    lone: dict[Path, None] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Take a file or all below a folder. Raises UsageError where there is nothing."""
        if path.is_dir():
            self._add_folder(path)
        elif path.is_file():
            self._add_file(path)
        else:
            msg = f"{path}: there is no such file or folder to check."
            raise UsageError(msg)

    def _add_folder(self, folder: Path) -> None:
        if (folder / SPEC).is_file():
            self._add_file(folder / SPEC)
            return
        for place, folders, names in os.walk(folder):
            folders[:] = sorted(
                name for name in folders if name not in SKIPPED and not name.startswith(".")
            )
            if SPEC in names:
                self._add_file(Path(place, SPEC))
                folders.clear()
                continue
            for name in sorted(names):
                path = Path(place, name)
                if (name == DOCKERFILE or path.suffix == ".py") and path.is_file():
                    self._add_file(path)

    def _add_file(self, path: Path) -> None:
        folder = path.parent
        if path.name == SPEC:
            self.wanted.setdefault(folder, set()).update(modules_of(folder))
        elif path.suffix == ".py" and (folder / SPEC).is_file():
            self.wanted.setdefault(folder, set()).add(path)
        else:
            self.lone[path] = None

    def all(self) -> Iterator[Target]:
        """The targets, stages first."""
        projects: dict[Path, Project | StagerunError] = {}
        for folder, files in self.wanted.items():
            yield _stage_target(folder, tuple(sorted(files)), projects)
        for path in self.lone:
            yield Target(files=(path,))


def modules_of(folder: Path) -> list[Path]:
    """The Python files of a stage, without its fixture and its tests."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NO_CODE and name[0] != "."]
        paths = (Path(place, name) for name in names if name.endswith(".py"))
        found += (path for path in paths if path.is_file())
    return sorted(found)


def gather(paths: Iterable[Path]) -> list[Target]:
    """The targets below some paths. Raises UsageError."""
    targets = Targets()
    for path in paths:
        targets.add(path)
    return list(targets.all())


def _stage_target(
    folder: Path, files: tuple[Path, ...], projects: dict[Path, Project | StagerunError]
) -> Target:
    try:
        stage = load_stage(folder.absolute())
    except SpecError as problem:
        return Target(files=files, folder=folder, problem=str(problem))
    project = _project_of(folder.absolute(), projects)
    if isinstance(project, StagerunError):
        return Target(files=files, folder=folder, stage=stage, problem=str(project))
    return Target(files=files, folder=folder, stage=stage, project=project)


def _project_of(
    folder: Path, projects: dict[Path, Project | StagerunError]
) -> Project | StagerunError | None:
    """The project that a stage's folder belongs to, or why it cannot be read."""
    root = folder.parent.parent
    if folder.parent.name != "stages" or not (
        (root / "stagerun.yaml").is_file() or (root / "images").is_dir()
    ):
        return None
    if root not in projects:
        try:
            projects[root] = load_project(root)
        except StagerunError as problem:
            projects[root] = problem
    return projects[root]
