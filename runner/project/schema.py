"""What may stand in ``stage.yaml``, ``job.yaml`` and ``stagerun.yaml``, as pydantic models.

Imported only when a file with a new text is read (see ``document``): everything else works on the
validated plain data.
"""

import re
from pathlib import PurePosixPath
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from runner.project.command import PYTHON_PROGRAM
from runner.project.command_schema import Command
from runner.project.quantity import parse_duration, parse_size
from runner.project.retry_schema import Rules

Space = Annotated[int, BeforeValidator(lambda value: parse_size(str(value)))]
# To an engine a limit of 0 means no limit at all.
Size = Annotated[Space, Field(gt=0)]
Span = Annotated[float, BeforeValidator(lambda value: parse_duration(str(value)))]
Duration = Annotated[Span, Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
ImageDigest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]


def _one_or_several(value: Any) -> Any:
    """A condition's values may be written as one word."""
    if isinstance(value, dict):
        return {key: [item] if isinstance(item, str) else item for key, item in value.items()}
    return value


Conditions = Annotated[
    dict[str, list[str]],
    BeforeValidator(_one_or_several, json_schema_input_type=dict[str, str | list[str]]),
]


class Part(BaseModel):
    """A part of a file: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _file_pattern(value: Any) -> Any:
    text = str(value)
    if text.startswith("/") or ".." in text.split("/") or not text:
        problem = f"{text!r} must be a name or pattern inside the stage's folder"
        raise ValueError(problem)
    if text in ("manifest.json", "stage.log") or text.startswith(".cache/"):
        problem = f"{text!r} belongs to every stage and is no output; choose another name"
        raise ValueError(problem)
    return text


def _name_below_input(value: Any) -> Any:
    """It becomes a path on the host and in the container, so it must stay below ``input/``."""
    text, path = str(value), PurePosixPath(str(value))
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in text:
        problem = f"{text!r} must be the name of a file inside the job's folder input/"
        raise ValueError(problem)
    return text


def _place_elsewhere(value: Any) -> Any:
    text, path = str(value), PurePosixPath(str(value))
    if not path.is_absolute() or ".." in path.parts or "\0" in text:
        problem = f"{text!r} must be the absolute path of a file, without '..'"
        raise ValueError(problem)
    return text


def _file_of_a_model(value: str) -> str:
    path = PurePosixPath(value)
    if " | " in value:
        problem = f"write files of which one is enough as a list: [{', '.join(value.split(' | '))}]"
        raise ValueError(problem)
    is_plain = str(path) == value and not path.is_absolute() and "\0" not in value
    # Hidden files of a folder are not brought into the store.
    if not is_plain or any(part.startswith(".") for part in path.parts):
        problem = (
            f"{value!r} must be the plain name of a file inside the model's folder, not hidden"
        )
        raise ValueError(problem)
    if set("*?[") & set(value):
        problem = f"{value!r} is a pattern; name each file"
        raise ValueError(problem)
    return value


def one_or_several_words(value: Any) -> Any:
    """A list of one word may be written as that word."""
    return [value] if isinstance(value, str) else value


ModelFile = Annotated[str, AfterValidator(_file_of_a_model)]
OneOf = Annotated[
    list[ModelFile],
    Field(min_length=1),
    BeforeValidator(one_or_several_words, json_schema_input_type=str | list[str]),
]


class InputPart(Part):
    """An input: where it comes from, alternatives in order of preference."""

    from_: Annotated[list[Reference], Field(alias="from", min_length=1)]
    optional: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str | list):
            value = {"from": value}
        if isinstance(value, dict) and isinstance(value.get("from"), str):
            value = {**value, "from": [value["from"]]}
        return value


class OutputPart(Part):
    """An output: the file name, or a pattern for any number of files."""

    file: Annotated[str, BeforeValidator(_file_pattern)]
    type: str
    optional: bool = False
    schema_: Annotated[Name | None, Field(alias="schema")] = None


class KeyPart(Part):
    """A configuration key."""

    type: Literal["str", "int", "float", "bool", "choice", "list", "path"]
    default: str | None = None
    help: str
    of: list[str] | None = None
    range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None

    @model_validator(mode="after")
    def _choice_has_values(self) -> "KeyPart":
        if (self.type == "choice") != (self.of is not None):
            problem = "'of' lists the values of a key of type choice, and of no other"
            raise ValueError(problem)
        return self


class ModelPart(Part):
    """A model folder below the model store, and the files that make it complete.

    A list among the files names those of which one is enough. With a pattern as ``subfolders`` the
    folder may hold such folders instead of the files, each with all of them.
    """

    when: Conditions = {}
    folder: str
    files: list[OneOf]
    subfolders: Annotated[str, Field(pattern=r"^[^/.][^/]*$")] | None = None


class ResourcesPart(Part):
    """Limits of one stage; what is not set comes from the site's settings."""

    cpus: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    memory: Size | None = None
    tmp: Size | None = None
    shm: Size | None = None
    pids: Annotated[int, Field(gt=0)] | None = None
    timeout: Duration | None = None
    gpu_memory: Literal["all"] | Size | None = None
    gpus: Annotated[int, Field(gt=0, le=64)] | None = None
    disk: Size | None = None


class ParentPart(Part):
    """The parent image of one variant; ``when`` names the settings for which it is there."""

    image: Name
    image_size: Size | None = None
    when: Conditions = {}
    resources: ResourcesPart = ResourcesPart()

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"image": value} if isinstance(value, str) else value


class StageFile(Part):
    """``stages/NN_name/stage.yaml``."""

    summary: str
    parent: Name | None = None
    parents: Annotated[dict[Name, ParentPart], Field(min_length=1)] | None = None
    command: Command = list(PYTHON_PROGRAM)
    image_size: Size | None = None
    gpu: Literal["none", "optional", "required"] = "none"
    gpu_proof: bool = True
    gpu_limit: Literal["warn", "enforce"] = "warn"
    gpu_memory_depends_on: list[Name] | None = None
    inputs: dict[Name, InputPart] = {}
    outputs: dict[Name, OutputPart] = {}
    config: dict[str, KeyPart] = {}
    models: dict[Name, ModelPart] = {}
    resources: ResourcesPart = ResourcesPart()
    network: Literal["none", "site"] = "none"
    secrets: list[Name] = []
    retry: Rules = []

    @model_validator(mode="after")
    def _one_way_to_name_parents(self) -> "StageFile":
        if (self.parent is None) == (self.parents is None):
            problem = "name the parent image with 'parent', or one per variant with 'parents'"
            raise ValueError(problem)
        for key in self.config:
            if not re.fullmatch(r"[A-Z][A-Z0-9_]*", key):
                problem = f"configuration keys are written in capitals: {key!r} is not"
                raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _conditions_depend_on_declared_keys(self) -> "StageFile":
        for name, parent in (self.parents or {}).items():
            for key in parent.when:
                if key not in self.config:
                    problem = f"the variant {name!r} depends on {key!r}, which 'config' lacks"
                    raise ValueError(problem)
        for name, model in self.models.items():
            used = [name for _, name, _, _ in Formatter().parse(model.folder) if name is not None]
            for key in (*model.when, *used):
                if key not in self.config:
                    problem = f"the model {name!r} depends on {key!r}, which 'config' does not have"
                    raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _retries_change_declared_keys(self) -> "StageFile":
        for key in (key for rule in self.retry for key in rule.keys):
            if key not in self.config:
                problem = f"'retry' changes the setting {key!r}, which 'config' does not have"
                raise ValueError(problem)
        for key in self.gpu_memory_depends_on or ():
            if key not in self.config:
                problem = f"'gpu_memory_depends_on' names {key!r}, which 'config' does not have"
                raise ValueError(problem)
        return self


class StageSwitches(ResourcesPart):
    """What a job or a site may set for one stage."""

    enabled: bool | None = None
    retry: Rules | None = None


class JobFile(Part):
    """``<job>/job.yaml``."""

    input: dict[Name, Annotated[str, BeforeValidator(_name_below_input)]] = {}
    references: dict[Name, Annotated[str, BeforeValidator(_place_elsewhere)]] = {}
    workflow: str | None = None
    config: dict[str, str | None] = {}
    stages: dict[str, StageSwitches] = {}
