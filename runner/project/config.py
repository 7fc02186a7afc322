"""Configuration of a stage: the layers, the types, and where each value came from."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from runner.errors import ConfigError
from runner.project.document import Document
from runner.project.pipeline import Project
from runner.project.quantity import duration_text, limit_text, parse_duration, parse_size
from runner.project.retry import SIZES, Change, RetryRule
from runner.project.settings import Switches
from runner.project.stage import Key, Resources, StageSpec
from runner.suggestion import closest

TRUE: Final = frozenset({"true", "yes", "on", "1"})
FALSE: Final = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, kw_only=True)
class Value:
    """A resolved value, as text, and the place it was set at."""

    value: str | None
    source: str


@dataclass(frozen=True, kw_only=True)
class JobLayer:
    """What ``job.yaml`` contributes."""

    config: Mapping[str, str | None]
    stages: Mapping[str, Switches]
    document: Document | None


NO_JOB: Final = JobLayer(config={}, stages={}, document=None)


def resolve_config(
    stage: StageSpec,
    project: Project,
    job: JobLayer = NO_JOB,
    overrides: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Value]:
    """Each declared key with the value of the first layer that sets it.

    The layers: ``--set``, job.yaml, the environment, stagerun.yaml, the default. Raises ConfigError
    for an undeclared key in any of them, and for a value that does not fit.
    """
    overrides = overrides or {}
    environment = os.environ if environment is None else environment
    check_keys(project, job, overrides)
    resolved = {}
    for key in stage.config.values():
        value = _first(key, project, job, overrides, environment, stage)
        problem = None if value.value is None else misfit(key, value.value)
        if problem:
            msg = f"{key.name} is {value.value!r} ({value.source}), but {problem}."
            raise ConfigError(msg)
        resolved[key.name] = value
    return resolved


def check_keys(project: Project, job: JobLayer, overrides: Mapping[str, str]) -> None:
    """Refuse keys that no stage declares, and stages that do not exist. Raises ConfigError."""
    declared = project.keys()
    settings = project.settings
    layers = (
        (overrides, None, "--set"),
        (job.config, job.document, "job.yaml"),
        (settings.config, settings.document, "stagerun.yaml"),
    )
    for keys, document, name in layers:
        for key in keys:
            if key not in declared:
                where = document.where("config", key) if document else name
                msg = f"{where}: no stage declares the key {key}{_close(key, declared)}"
                raise ConfigError(msg)
    for stages, document in ((job.stages, job.document), (settings.stages, settings.document)):
        for stage in stages:
            if stage not in project.stages:
                where = document.where("stages", stage) if document else "job.yaml"
                msg = f"{where}: no stage {stage}{_close(stage, project.stages)}"
                raise ConfigError(msg)


def _close(name: str, names: Mapping[str, object]) -> str:
    if close := closest(name, names):
        return f"; did you mean {close}?"
    return f"; there are {', '.join(sorted(names)) or 'none'}."


def _first(
    key: Key,
    project: Project,
    job: JobLayer,
    overrides: Mapping[str, str],
    environment: Mapping[str, str],
    stage: StageSpec,
) -> Value:
    name = key.name
    if name in overrides:
        return Value(value=overrides[name], source="--set")
    if name in job.config and job.document:
        return Value(value=job.config[name], source=job.document.where("config", name))
    if name in environment:
        return Value(value=environment[name], source=f"environment variable {name}")
    settings = project.settings
    if name in settings.config:
        return Value(value=settings.config[name], source=settings.document.where("config", name))
    return Value(value=key.default, source=f"default in stages/{stage.id}/stage.yaml")


def misfit(key: Key, text: str) -> str | None:
    """Why a value does not fit its declaration; None when it does."""
    if key.type == "choice" and key.of is not None and text not in key.of:
        return f"must be one of {', '.join(key.of)}"
    if key.type == "bool" and text.lower() not in TRUE | FALSE:
        return "must be true or false"
    if key.type in ("int", "float"):
        return _number_misfit(key, text)
    if key.type == "path" and (PurePath(text).is_absolute() or ".." in PurePath(text).parts):
        return "must be a path inside the job directory"
    return None


def _number_misfit(key: Key, text: str) -> str | None:
    try:
        number = int(text) if key.type == "int" else float(text)
    except ValueError:
        return "must be a whole number" if key.type == "int" else "must be a number"
    if key.range is not None and not key.range[0] <= number <= key.range[1]:
        return f"must be between {key.range[0]:g} and {key.range[1]:g}"
    return None


LEAST_MEMORY: Final = 6 << 20
"""What engines refuse to go below."""

SIZE_NAMES: Final = SIZES | {"disk"}
LIMIT_NAMES: Final = (
    "cpus", "memory", "tmp", "shm", "pids", "timeout", "gpu_memory", "gpus", "disk",
)  # fmt: skip


def amount_text(name: str, value: float | str) -> str:
    """A limit for people, in its own unit."""
    if isinstance(value, str):
        return value
    if name in SIZE_NAMES:
        return limit_text(int(value))
    return duration_text(value) if name == "timeout" else f"{value:g}"


@dataclass(frozen=True, kw_only=True)
class ResolvedLimits:
    """Every limit of a run, and where each was set."""

    values: Resources
    sources: Mapping[str, str]


def parse_limits(options: Mapping[str, str]) -> Resources:
    """The limits given as options (``--memory 6GiB``). Raises ConfigError."""
    parsed: dict[str, Any] = {}
    for name, text in options.items():
        if name == "gpu_memory" and text == "all":
            parsed[name] = text
            continue
        try:
            if name in SIZE_NAMES:
                parsed[name] = parse_size(text)
            elif name == "timeout":
                parsed[name] = parse_duration(text)
            else:
                parsed[name] = float(text) if name == "cpus" else int(text)
        except ValueError as problem:
            msg = f"--{name.replace('_', '-')} {text}: {problem}."
            raise ConfigError(msg) from None
        if not 0 < parsed[name] < float("inf"):
            msg = f"--{name.replace('_', '-')} {text}: must be more than nothing, and a number."
            raise ConfigError(msg)
    return Resources(**parsed)


def resolve_limits(
    stage: StageSpec, project: Project, job: JobLayer, options: Resources, variant: str
) -> ResolvedLimits:
    """Each limit from the first layer that sets it: option, job.yaml, stagerun.yaml, the spec.

    In the spec what the variant says counts before what the stage says.
    """
    none = Switches()
    spec = f"stages/{stage.id}/stage.yaml"
    settings = project.settings
    layers = (
        (options, None, "option"),
        (job.stages.get(stage.id, none).resources, job.document, "job.yaml"),
        (settings.stages.get(stage.id, none).resources, settings.document, "stagerun.yaml"),
        (stage.parents[variant].resources, None, f"{spec} (variant {variant})"),
        (stage.resources, None, spec),
        (settings.limits, None, "settings: limits"),
    )
    values: dict[str, Any] = {}
    sources = {}
    for name in LIMIT_NAMES:
        values[name], sources[name] = next(
            (
                (found, document.where("stages", stage.id, name) if document else where)
                for layer, document, where in layers
                if (found := getattr(layer, name, None)) is not None
            ),
            (None, "not set"),
        )
    if (memory := int(values["memory"] or 0)) < LEAST_MEMORY:
        msg = (
            f"memory is {limit_text(memory)} ({sources['memory']}), and no container starts with "
            f"less than {limit_text(LEAST_MEMORY)}."
        )
        raise ConfigError(msg)
    return ResolvedLimits(values=Resources(**values), sources=sources)


def resolve_retry(
    stage: StageSpec, project: Project, job: JobLayer = NO_JOB
) -> tuple[RetryRule, ...]:
    """The rules of the first layer that has some: job.yaml, stagerun.yaml, the spec.

    Raises ConfigError for a setting that the stage does not declare or a change that does not fit.
    """
    none = Switches()
    layers = (
        (job.stages.get(stage.id, none).retry, job.document),
        (project.settings.stages.get(stage.id, none).retry, project.settings.document),
        (stage.retry, None),
    )
    rules, document = next((rules, document) for rules, document in layers if rules is not None)
    spec = f"stages/{stage.id}/stage.yaml"
    where = document.where("stages", stage.id, "retry") if document else spec
    for change in (change for rule in rules for change in rule.changes):
        problem = None if change.is_limit else _change_misfit(stage, change)
        if problem:
            msg = f"{where}: retry cannot set {change.name}: {problem}."
            raise ConfigError(msg)
    return rules


def _change_misfit(stage: StageSpec, change: Change) -> str | None:
    if change.is_gpu:
        needs_it = "only a stage with gpu: optional can do without one"
        return None if stage.gpu == "optional" else needs_it
    key = stage.config.get(change.name)
    if key is None:
        return f"{stage.id} declares no such key{_close(change.name, stage.config)}".rstrip(".")
    if change.to is not None:
        wrong = misfit(key, change.to)
        return f"{change.to!r} {wrong}" if wrong else None
    return None if key.type in ("int", "float") else f"a {key.type} cannot be multiplied"
