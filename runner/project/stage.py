"""A stage as its ``stage.yaml`` declares it."""

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from runner.errors import SpecError
from runner.project.command import Command
from runner.project.document import Document, load_document
from runner.project.retry import RetryRule, rules_from

Conditions = dict[str, tuple[str, ...]]
"""For each key named the values that it may have; a condition without keys always holds."""

OneOf = tuple[str, ...]
"""Files of which one is enough."""

GpuNeed = Literal["none", "optional", "required"]

GpuMemory = int | Literal["all"]
"""Bytes, or the whole of a GPU."""

MAIN: Final = "main"
"""The variant of a stage that has one parent only."""

JOB_FOLDERS = frozenset({"input", "logs"})
STAGE_FOLDER = re.compile(r"(?:(\d+)_)?([A-Za-z0-9][A-Za-z0-9_-]*)")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where an input comes from: an output of a stage, or (stage ``input``) a file of the job."""

    stage: str
    output: str

    def __str__(self) -> str:
        return f"{self.stage}/{self.output}"


@dataclass(frozen=True, kw_only=True)
class Input:
    """A declared input: its sources in order of preference."""

    name: str
    sources: tuple[Source, ...]
    optional: bool


@dataclass(frozen=True, kw_only=True)
class Output:
    """A declared output: a file name or pattern below the stage's folder.

    ``schema`` names the project's schema for what is in its files.
    """

    name: str
    file: str
    type: str
    optional: bool
    schema: str | None = None

    def matches(self, path: str) -> bool:
        """Whether a path relative to the stage's folder is (one of) this output's file(s)."""
        return fnmatch.fnmatchcase(path, self.file)


@dataclass(frozen=True, kw_only=True)
class Key:
    """A declared configuration key."""

    name: str
    type: str
    default: str | None
    help: str
    of: tuple[str, ...] | None
    range: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model folder that the stage needs when every key of ``when`` has that value.

    ``subfolders`` is a pattern of folders that may hold the files instead, each all of them.
    """

    name: str
    when: Conditions
    folder: str
    files: tuple[OneOf, ...]
    subfolders: str | None


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Limits, in bytes and seconds; None is left to the next layer.

    ``gpu_memory`` and ``disk`` are no limits: they must be free before the stage starts, the
    memory on each of ``gpus`` GPUs.
    """

    cpus: float | None = None
    memory: int | None = None
    tmp: int | None = None
    shm: int | None = None
    pids: int | None = None
    timeout: float | None = None
    gpu_memory: GpuMemory | None = None
    gpus: int | None = None
    disk: int | None = None


@dataclass(frozen=True, kw_only=True)
class Parent:
    """The parent image of one variant, and the settings for which the variant is there.

    The variant's image may take ``image_size`` bytes; None is no limit.
    """

    image: str
    image_size: int | None = None
    when: Conditions = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """Everything that ``stages/NN_name/stage.yaml`` says.

    ``gpu_proof`` is whether a run that was granted a GPU has to hold memory on it, and with
    ``gpu_enforced`` one that holds more than it was granted is ended. ``gpu_memory_depends_on`` are
    the settings that change how much it needs; None: those that its rules against ``oom_gpu`` set.
    """

    id: str
    folder: Path
    summary: str
    parents: dict[str, Parent]
    gpu: GpuNeed
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    config: dict[str, Key]
    models: tuple[Model, ...]
    resources: Resources
    network: bool
    secrets: tuple[str, ...]
    retry: tuple[RetryRule, ...] = ()
    gpu_proof: bool = True
    gpu_enforced: bool = False
    gpu_memory_depends_on: tuple[str, ...] | None = None
    command: Command = field(default_factory=Command)

    @property
    def number(self) -> int | None:
        """The number in front of the id; None for a folder without one."""
        return stage_number(self.id)

    @property
    def name(self) -> str:
        """The id without its number."""
        return stage_name(self.id)

    @property
    def file(self) -> Path:
        """The stage.yaml itself."""
        return self.folder / "stage.yaml"


def stage_number(stage_id: str) -> int | None:
    """6 of ``06_asr``; None where there is no number."""
    match = STAGE_FOLDER.fullmatch(stage_id)
    return int(match[1]) if match and match[1] else None


def stage_name(stage_id: str) -> str:
    """``asr`` of ``06_asr``."""
    match = STAGE_FOLDER.fullmatch(stage_id)
    return match[2] if match else stage_id


def load_stage(folder: Path) -> StageSpec:
    """Read one stage's spec. Raises SpecError with line and column."""

    def schema() -> type:
        from runner.project.schema import StageFile

        return StageFile

    if STAGE_FOLDER.fullmatch(folder.name) is None:
        msg = f"{folder}: a stage's folder is named like 06_asr or your_stage."
        raise SpecError(msg)
    if folder.name in JOB_FOLDERS:
        msg = f"{folder}: every job has a folder {folder.name}/ of its own; rename the stage."
        raise SpecError(msg)
    return stage_from(load_document(folder / "stage.yaml", schema, SpecError, kind="stage"), folder)


def stage_from(document: Document, folder: Path) -> StageSpec:
    """The spec behind a validated document."""
    data = document.data
    depends_on = data["gpu_memory_depends_on"]
    return StageSpec(
        id=folder.name,
        folder=folder,
        summary=data["summary"],
        parents={
            name: Parent(
                image=part["image"],
                image_size=part["image_size"] or data["image_size"],
                when=_conditions(part["when"]),
                resources=Resources(**part["resources"]),
            )
            for name, part in _parents(data).items()
        },
        gpu=data["gpu"],
        inputs=tuple(_input(name, part) for name, part in data["inputs"].items()),
        outputs=tuple(Output(name=name, **part) for name, part in data["outputs"].items()),
        config={name: _key(name, part) for name, part in data["config"].items()},
        models=tuple(
            Model(
                name=name,
                when=_conditions(part["when"]),
                folder=part["folder"],
                files=tuple(tuple(one_of) for one_of in part["files"]),
                subfolders=part["subfolders"],
            )
            for name, part in data["models"].items()
        ),
        resources=Resources(**data["resources"]),
        network=data["network"] == "site",
        secrets=tuple(data["secrets"]),
        retry=rules_from(data["retry"]),
        gpu_proof=data["gpu_proof"],
        gpu_enforced=data["gpu_limit"] == "enforce",
        gpu_memory_depends_on=None if depends_on is None else tuple(depends_on),
        command=Command(tuple(data["command"])),
    )


def _parents(data: dict[str, Any]) -> dict[str, Any]:
    if data["parents"] is not None:
        return dict(data["parents"])
    return {MAIN: {"image": data["parent"], "image_size": None, "when": {}, "resources": {}}}


def _conditions(data: dict[str, list[str]]) -> Conditions:
    return {key: tuple(values) for key, values in data.items()}


def holds(when: Conditions, values: Mapping[str, str | None]) -> bool:
    """Whether every key of a condition has one of its values."""
    return all(values.get(key) in wanted for key, wanted in when.items())


def _input(name: str, part: dict[str, Any]) -> Input:
    pairs = (text.split("/", 1) for text in part["from"])
    sources = tuple(Source(stage=stage, output=output) for stage, output in pairs)
    return Input(name=name, sources=sources, optional=part["optional"])


def _key(name: str, part: dict[str, Any]) -> Key:
    return Key(
        name=name,
        type=part["type"],
        default=part["default"],
        help=part["help"],
        of=tuple(part["of"]) if part["of"] is not None else None,
        range=(part["range"][0], part["range"][1]) if part["range"] is not None else None,
    )
