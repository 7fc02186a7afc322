"""The project: its stages, the graph that their inputs and outputs make, and its workflows."""

import graphlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from runner.errors import SpecError, UnknownStageError, UnknownWorkflowError, UsageError
from runner.project.settings import Settings, load_settings
from runner.project.stage import (
    STAGE_FOLDER,
    Input,
    Key,
    Output,
    Source,
    StageSpec,
    load_stage,
)
from runner.suggestion import closest

JOB_INPUT: Final = "input"
"""The name under which a job's own files stand in an input's sources."""


@dataclass(frozen=True, kw_only=True)
class Stock:
    """What a job has before anything runs: its files by input name (None: any), given results.

    ``results`` are written ``stage/output``.
    """

    inputs: frozenset[str] | None = None
    results: frozenset[str] = frozenset()

    def has(self, source: Source) -> bool:
        """Whether a file is there without a stage having to run."""
        if source.stage == JOB_INPUT:
            return self.inputs is not None and source.output in self.inputs
        return str(source) in self.results

    def may_have(self, source: Source) -> bool:
        """The same where it is not known which files the job has."""
        return self.has(source) or (source.stage == JOB_INPUT and self.inputs is None)

    def has_result(self, stage_id: str) -> bool:
        """Whether the result of a stage was given."""
        return any(result.startswith(f"{stage_id}/") for result in self.results)


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder with ``stages/``, ``images/`` and optionally ``stagerun.yaml``."""

    root: Path
    settings: Settings
    stages: dict[str, StageSpec]

    @property
    def stage_ids(self) -> tuple[str, ...]:
        """All ids in the order of the pipeline's numbers."""
        return tuple(self.stages)

    def stage(self, text: str) -> StageSpec:
        """The stage that ``06_asr``, ``asr`` or ``6`` means. Raises UnknownStageError."""
        if text in self.stages:
            return self.stages[text]
        named = [stage for stage in self.stages.values() if stage.name == text]
        numbered = [
            stage
            for stage in self.stages.values()
            if text.isdecimal() and stage.number == int(text)
        ]
        found = named or numbered
        if len(found) == 1:
            return found[0]
        raise UnknownStageError(self._no_stage(text, found))

    def _no_stage(self, text: str, found: list[StageSpec]) -> str:
        if found:
            ids = ", ".join(stage.id for stage in found)
            return f"{text!r} means several stages ({ids}); write the whole id."
        folder = self.root / "stages" / text
        if STAGE_FOLDER.fullmatch(text) and folder.is_dir():
            return f"{folder} has no stage.yaml, which makes a folder a stage: docs/stage-yaml.md"
        by_name = {stage.name: stage.id for stage in self.stages.values()}
        if close := closest(text, [*self.stages, *by_name], likeness=0.5):
            return f'no stage "{text}"; did you mean {by_name.get(close, close)}?'
        return f'no stage "{text}"; there are {", ".join(self.stages) or "none"}.'

    def keys(self) -> dict[str, Key]:
        """Every configuration key that some stage declares."""
        return {name: key for stage in self.stages.values() for name, key in stage.config.items()}

    def upstream(self, stage: StageSpec) -> tuple[str, ...]:
        """The ids of the project's stages that this one may read from, directly."""
        named = (source.stage for item in stage.inputs for source in item.sources)
        return tuple(dict.fromkeys(name for name in named if name in self.stages))

    def order(self) -> tuple[str, ...]:
        """All stages, each after those it reads from."""
        graph = {stage.id: set(self.upstream(stage)) for stage in self.stages.values()}
        return tuple(graphlib.TopologicalSorter(graph).static_order())

    def needed_for(self, targets: tuple[str, ...], stock: "Stock | None" = None) -> tuple[str, ...]:
        """The targets and what they read from, and so on upwards, in running order.

        ``stock`` is what a job has by itself; nothing is run for what is there, nor for an input
        that is optional and can't come to be.
        """
        stock = stock or Stock()
        needed, waiting = set(targets), list(targets)
        possible = self._possible(stock)
        while waiting:
            stage = self.stages[waiting.pop()]
            if stock.has_result(stage.id):
                continue
            for item in stage.inputs:
                for other in self._to_run(item, stock, possible):
                    if other not in needed:
                        needed.add(other)
                        waiting.append(other)
        return tuple(stage for stage in self.order() if stage in needed)

    def _to_run(self, item: Input, stock: "Stock", possible: set[str]) -> list[str]:
        """The stages behind an input, up to the first source that is there."""
        found, is_there = [], False
        for source in item.sources:
            if source.stage in self.stages:
                found.append(source.stage)
            if is_there := stock.has(source):
                break
        likely = [stage for stage in found if stage in possible]
        return likely if likely or is_there or item.optional else found

    def _possible(self, stock: "Stock") -> set[str]:
        """The stages whose required inputs can come to be in a job."""
        possible: set[str] = set()
        for stage_id in self.order():
            if stock.has_result(stage_id) or all(
                item.optional
                or any(stock.may_have(it) or it.stage in possible for it in item.sources)
                for item in self.stages[stage_id].inputs
            ):
                possible.add(stage_id)
        return possible

    def workflow(self, name: str | None) -> tuple[Source, ...]:
        """What a workflow produces; without workflows, every output nobody reads.

        Raises UnknownWorkflowError.
        """
        wanted = name or self.settings.default_workflow
        if wanted is None:
            return self._final_outputs()
        if wanted not in self.settings.workflows:
            names = list(self.settings.workflows)
            close = closest(wanted, names)
            hint = f"did you mean {close}?" if close else f"there are {', '.join(names) or 'none'}."
            msg = f'no workflow "{wanted}"; {hint}'
            raise UnknownWorkflowError(msg)
        return self.settings.workflows[wanted]

    def _final_outputs(self) -> tuple[Source, ...]:
        read = {other for stage in self.stages.values() for other in self.upstream(stage)}
        return tuple(
            Source(stage=stage.id, output=output.name)
            for stage in self.stages.values()
            if stage.id not in read
            for output in stage.outputs
        )

    def output(self, source: Source) -> Output | None:
        """The declaration behind ``stage/output``; None where the project has no such stage."""
        stage = self.stages.get(source.stage)
        if stage is None:
            return None
        return next((item for item in stage.outputs if item.name == source.output), None)


def find_project(start: Path, explicit: Path | None = None) -> Path:
    """The project folder: as asked, else STAGERUN_PROJECT, else upwards from ``start``.

    Raises UsageError.
    """
    named = explicit or (Path(text) if (text := os.environ.get("STAGERUN_PROJECT")) else None)
    if named is not None:
        if (named / "stages").is_dir():
            return named.absolute()
        msg = f"{named} is no project: it has no folder stages/."
        raise UsageError(msg)
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / "stages").is_dir() and (
            (folder / "images").is_dir() or (folder / "stagerun.yaml").is_file()
        ):
            return folder
    msg = (
        f"no project here: neither {start.absolute()} nor a folder above it holds stages/ beside "
        "images/ or stagerun.yaml. Change to the project's folder or name it with --project."
    )
    raise UsageError(msg)


def load_project(root: Path) -> Project:
    """Read settings and all stages, and check that they fit together.

    Raises SettingsError or SpecError.
    """
    settings = load_settings(root)
    folders = [path.parent for path in (root / "stages").glob("*/stage.yaml")]
    stages = sorted((load_stage(folder) for folder in folders), key=_by_number)
    _check_numbers(stages)
    project = Project(root=root, settings=settings, stages={stage.id: stage for stage in stages})
    for stage in stages:
        for item in stage.inputs:
            _check_sources(project, stage, item)
    _check_keys(project)
    try:
        project.order()
    except graphlib.CycleError as problem:
        circle = " → ".join(reversed(problem.args[1]))
        msg = f"{root / 'stages'}: the stages wait for each other: {circle}."
        raise SpecError(msg) from None
    return project


def _check_numbers(stages: Sequence[StageSpec]) -> None:
    for stage, following in pairwise(stages):
        if stage.number is not None and stage.number == following.number:
            msg = (
                f"{stage.folder} and {following.folder} have one number, which says the order of "
                "stages. Give one of them another."
            )
            raise SpecError(msg)


def _by_number(stage: StageSpec) -> tuple[float, str]:
    return (float("inf") if stage.number is None else stage.number, stage.id)


def _check_sources(project: Project, stage: StageSpec, item: Input) -> None:
    for source in item.sources:
        other = project.stages.get(source.stage)
        if other is not None and project.output(source) is None:
            names = [output.name for output in other.outputs]
            close = closest(source.output, names)
            hint = f"did you mean {source.stage}/{close}?" if close else f"it has {names}."
            msg = (
                f"{stage.file}: input {item.name!r} reads {source}, but {source.stage} declares no "
                f"such output; {hint}"
            )
            raise SpecError(msg)
    known = [
        name for name in (s.stage for s in item.sources) if name in (*project.stages, JOB_INPUT)
    ]
    if not known and not item.optional:
        msg = (
            f"{stage.file}: nothing provides the input {item.name!r}: the project has no stage "
            f"{' or '.join(source.stage for source in item.sources)}. Add one, or make it optional."
        )
        raise SpecError(msg)


def _check_keys(project: Project) -> None:
    first: dict[str, tuple[StageSpec, Key]] = {}
    for stage in project.stages.values():
        for key in stage.config.values():
            other, declared = first.setdefault(key.name, (stage, key))
            if (key.type, key.of, key.range, key.default) != (
                declared.type, declared.of, declared.range, declared.default,
            ):  # fmt: skip
                msg = (
                    f"{stage.file} and {other.file} declare {key.name} differently: type, default, "
                    "values and range must agree."
                )
                raise SpecError(msg)
