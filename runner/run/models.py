"""What the stages of a job, or of the project's settings, need of the model store."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from runner.errors import ModelMissingError, UsageError
from runner.job.fingerprint import DigestStore, file_digest
from runner.job.folder import Job
from runner.job.model_store import (
    departures,
    find_model,
    model_folder,
    read_record_leniently,
    recorded_models,
)
from runner.project.config import NO_JOB, resolve_config
from runner.project.models import NeededModel, needed_models
from runner.project.pipeline import Project
from runner.project.stage import StageSpec
from runner.run.inputs import is_enabled
from runner.run.scheduler import plan_job


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """A model: who needs it, whether it is on record; ``problem`` is None when all is well.

    ``size_bytes`` counts the files that are there.
    """

    name: str
    stages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
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
    more = [_unneeded(store, name) for name in others if store and name not in found]
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
    there = [folder / name for name in needed.files if (folder / name).is_file()]
    state = replace(
        state,
        folder=folder,
        recorded=bool(record) and set(needed.files) <= record.keys(),
        size_bytes=sum(path.stat().st_size for path in there),
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
        recorded=one.recorded and other.recorded,
        size_bytes=max(one.size_bytes, other.size_bytes),
        problem=one.problem or other.problem,
    )


def _unneeded(store: Path, name: str) -> ModelState:
    record = read_record_leniently(store / name, name)
    return ModelState(
        name=name,
        files=tuple(record),
        folder=store / name,
        recorded=True,
        size_bytes=sum(file.size_bytes for file in record.values()),
    )


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What hashing a model's files came to; ``problems`` are pairs of a file and what is wrong."""

    name: str
    folder: Path
    files: int
    problems: tuple[tuple[str, str], ...]


def verify(store: Path, name: str | None) -> list[Verification]:
    """Hash the files of one model, or of all on record. Raises UsageError without a record."""
    names = [name] if name is not None else recorded_models(store)
    return [_verify(store, each, asked=name is not None) for each in names]


def _verify(store: Path, name: str, *, asked: bool) -> Verification:
    folder = store / name
    try:
        problems = tuple(departures(store, name))
    except (ModelMissingError, UsageError) as problem:
        if asked and isinstance(problem, UsageError):
            raise
        problems = (("", str(problem)),)
    count = len(read_record_leniently(folder, name))
    return Verification(name=name, folder=folder, files=count, problems=problems)
