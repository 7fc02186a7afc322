"""What the stages of a job, or of the project's settings, need of the model store."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.errors import ModelMissingError, UsageError
from runner.job.fingerprint import DigestStore, file_digest
from runner.job.folder import Job
from runner.job.model_store import (
    departures,
    files_of,
    find_model,
    lacking,
    model_folder,
    read_record_leniently,
    recorded_models,
)
from runner.project.config import NO_JOB, resolve_config
from runner.project.models import NeededModel, needed_models, wished_models, wished_names
from runner.project.pipeline import Project
from runner.project.stage import OneOf, StageSpec
from runner.run.inputs import is_enabled
from runner.run.plan import plan_job

Lacks = Mapping[str, tuple[OneOf, ...]]
"""The files that a model does not have, by the stage that would read them."""


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """A model: who needs it, whether it is on record; ``problem`` is None when all is well.

    ``lacks`` also names stages that would need it with other settings only; ``size_bytes`` counts
    the files that are there.
    """

    name: str
    stages: tuple[str, ...] = ()
    files: tuple[OneOf, ...] = ()
    lacks: Lacks = field(default_factory=dict)
    folder: Path | None = None
    recorded: bool = False
    size_bytes: int = 0
    problem: str | None = None


def model_states(project: Project, job: Job | None) -> list[ModelState]:
    """The models that are needed, then the others on record. Raises ConfigError and its kin."""
    store = project.settings.models
    found: dict[str, ModelState] = {}
    for stage in _stages(project, job):
        config = resolve_config(stage, project, NO_JOB if job is None else job.layer)
        for needed in needed_models(stage, config):
            state = _state(store, needed, job)
            if before := found.get(needed.name):
                state = _together(before, state)
            found[needed.name] = state
    others = recorded_models(store) if store is not None else []
    more = [_unneeded(project, store, name) for name in others if store and name not in found]
    return [*found.values(), *more]


def _stages(project: Project, job: Job | None) -> Iterable[StageSpec]:
    if job is None:
        switched = project.settings.stages
        off = {stage for stage, said in switched.items() if said.enabled is False}
        return [stage for stage in project.stages.values() if stage.id not in off]
    plan = plan_job(project, job)
    run = [stage for stage in plan.stages if stage not in plan.given]
    return [project.stages[stage] for stage in run if is_enabled(stage, project, job)]


def _state(store: Path | None, needed: NeededModel, job: Job | None) -> ModelState:
    state = ModelState(name=needed.name, stages=(needed.stage,), files=needed.files)
    if store is None:
        return replace(state, problem=_problem(store, needed))
    folder = store / needed.name
    record = read_record_leniently(folder, needed.name)
    lacks = lacking(folder, needed)
    state = replace(
        state,
        folder=folder,
        lacks={needed.stage: lacks} if lacks else {},
        recorded=bool(record) and not needed.lacking(record.keys()),
        size_bytes=sum((folder / name).stat().st_size for name in files_of(folder)),
        problem=_problem(store, needed),
    )
    if state.problem is None and state.recorded:
        # Only files that were touched since they were added are hashed.
        try:
            find_model(store, needed, DigestStore(job).digest if job else file_digest)
        except ModelMissingError as problem:
            return replace(state, problem=str(problem))
    return state


def _problem(store: Path | None, needed: NeededModel) -> str | None:
    try:
        model_folder(store, needed)
    except ModelMissingError as problem:
        return str(problem)
    return None


def _together(one: ModelState, other: ModelState) -> ModelState:
    """A model that several stages need, perhaps with different files."""
    return replace(
        other,
        stages=tuple(dict.fromkeys((*one.stages, *other.stages))),
        files=tuple(dict.fromkeys((*one.files, *other.files))),
        lacks={**one.lacks, **other.lacks},
        recorded=one.recorded and other.recorded,
        size_bytes=max(one.size_bytes, other.size_bytes),
        problem=one.problem or other.problem,
    )


def _unneeded(project: Project, store: Path, name: str) -> ModelState:
    record = read_record_leniently(store / name, name)
    return ModelState(
        name=name,
        files=tuple((file,) for file in record),
        lacks=lacks(project, store, name),
        folder=store / name,
        recorded=True,
        size_bytes=sum(file.size_bytes for file in record.values()),
    )


def lacks(project: Project, store: Path, name: str) -> Lacks:
    """What a model lacks for the stages that can be set to read it, whatever the settings are."""
    found = {}
    for stage in project.stages.values():
        # A setting that is wrong is told by what runs the stage; the model is as good as it was.
        with suppress(UsageError):
            config = resolve_config(stage, project, NO_JOB)
            ways = [_lacking(store, way) for way in wished_models(stage, config, name)]
            if fewest := min(ways, key=len, default=()):
                found[stage.id] = fewest
    return found


def known_names(project: Project, *, wished: bool) -> list[str]:
    """The models on record, and, if wished, those that stages can be set to need.

    Raises ConfigError.
    """
    store = project.settings.models
    names = set(recorded_models(store)) if store is not None else set()
    for stage in project.stages.values() if wished else ():
        names.update(wished_names(stage, resolve_config(stage, project, NO_JOB)))
    return sorted(names)


def _lacking(store: Path, way: Iterable[NeededModel]) -> tuple[OneOf, ...]:
    found = (one_of for needed in way for one_of in lacking(store / needed.name, needed))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What hashing a model's files came to; ``problems`` are pairs of a file and what is wrong."""

    name: str
    folder: Path
    files: int
    problems: tuple[tuple[str, str], ...]
    lacks: Lacks


def verify(project: Project, store: Path, name: str | None) -> list[Verification]:
    """Hash the files of one model, or of all on record. Raises UsageError without a record."""
    names = [name] if name is not None else recorded_models(store)
    return [_verify(project, store, each, asked=name is not None) for each in names]


def _verify(project: Project, store: Path, name: str, *, asked: bool) -> Verification:
    folder = store / name
    try:
        problems = tuple(departures(store, name))
    except (ModelMissingError, UsageError) as problem:
        if asked and isinstance(problem, UsageError):
            raise
        problems = (("", str(problem)),)
    count = len(read_record_leniently(folder, name))
    return Verification(
        name=name,
        folder=folder,
        files=count,
        problems=problems,
        lacks=lacks(project, store, name),
    )
