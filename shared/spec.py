"""What a stage declares, for runs without the runner: the baked spec.json, or stage.yaml."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Mapping, Optional, Tuple

from shared.errors import SpecError
from shared.stage_order import stage_number

SPEC_FILE: Final = "spec.json"
YAML_FILE: Final = "stage.yaml"


@dataclass(frozen=True)
class InputSpec:
    """A declared input: its sources in order of preference."""

    sources: Tuple[str, ...]
    optional: bool = False


@dataclass(frozen=True)
class OutputSpec:
    """A declared output: a file name or pattern below the stage's folder."""

    file: str
    type: str
    optional: bool = False

    @property
    def is_pattern(self) -> bool:
        """Whether any number of files may match."""
        return any(character in self.file for character in "*?[")


@dataclass(frozen=True)
class KeySpec:
    """A declared configuration key; None where nothing is said."""

    type: str = "str"
    default: Optional[str] = None
    of: Optional[Tuple[str, ...]] = None
    range: Optional[Tuple[float, float]] = None


@dataclass(frozen=True)
class ModelSpec:
    """A declared model: its folder below the model store, in which ``{KEY}`` is a setting."""

    folder: str


@dataclass(frozen=True)
class StageSpec:
    """What one stage declares, and the ids of the project's stages as far as they are known."""

    stage_id: str
    file: Path
    project_stages: Tuple[str, ...] = ()
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    outputs: Mapping[str, OutputSpec] = field(default_factory=dict)
    config: Mapping[str, KeySpec] = field(default_factory=dict)
    secrets: Tuple[str, ...] = ()
    models: Mapping[str, ModelSpec] = field(default_factory=dict)


def script_path() -> Optional[Path]:
    """The script that this process runs; None in an interpreter without one."""
    name = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(name).absolute() if name else None


def find_spec(stage_id: Optional[str] = None) -> Optional[StageSpec]:
    """The spec beside the running script, or of the named stage; None where there is none.

    Raises SpecError when there is one that cannot be understood.
    """
    script = script_path()
    beside = load_spec(script.parent) if script else None
    if stage_id is None or (beside is not None and beside.stage_id == stage_id):
        return beside
    root = Path(__file__).absolute().parent.parent
    return load_spec(root / stage_id) or load_spec(root / "stages" / stage_id)


def load_spec(folder: Path) -> Optional[StageSpec]:
    """The spec in a stage's folder; None where there is none that can be read here.

    Raises SpecError when the file cannot be understood.
    """
    baked = folder / SPEC_FILE
    written = folder / YAML_FILE
    try:
        if baked.is_file():
            return _spec(baked, json.loads(baked.read_text(encoding="utf-8")))
        if written.is_file():
            data = read_yaml(written)
            return None if data is None else _spec(written, data)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, SpecError):
            raise
        path = baked if baked.is_file() else written
        message = (
            f"{path} is no stage spec: {type(error).__name__}: {error}. "
            f"See what `stagerun stages` says; build the image again if it is a baked one."
        )
        raise SpecError(message) from error
    return None


def read_yaml(path: Path) -> Any:
    """A YAML file with every scalar as text; None where PyYAML is not installed.

    Raises SpecError for a file that is no YAML.
    """
    try:
        import yaml
    except ImportError:
        return None
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        message = f"{path} is not YAML: {error}. Mend the line that it names."
        raise SpecError(message) from error
    return {} if root is None else _text_values(root)


def _text_values(node: Any) -> Any:
    if node.id == "mapping":
        return {str(key.value): _text_values(value) for key, value in node.value}
    if node.id == "sequence":
        return [_text_values(item) for item in node.value]
    return None if node.tag == "tag:yaml.org,2002:null" else str(node.value)


def _spec(file: Path, data: Mapping[str, Any]) -> StageSpec:
    folder = file.parent
    stages = data["project_stages"] if file.name == SPEC_FILE else _stages_beside(folder)
    return StageSpec(
        stage_id=str(data.get("stage_id", folder.name)),
        file=file,
        project_stages=tuple(str(stage) for stage in stages),
        inputs={name: _input(part) for name, part in (data.get("inputs") or {}).items()},
        outputs={name: _output(part) for name, part in (data.get("outputs") or {}).items()},
        config={key: _key(part) for key, part in (data.get("config") or {}).items()},
        secrets=tuple(str(name) for name in data.get("secrets") or ()),
        models={
            name: ModelSpec(str(part["folder"]))
            for name, part in (data.get("models") or {}).items()
        },
    )


def _stages_beside(folder: Path) -> list[str]:
    names = [path.parent.name for path in folder.parent.glob(f"*/{YAML_FILE}")]
    return sorted(names, key=lambda name: (stage_number(name) or 0, name))


def _input(part: Any) -> InputSpec:
    if not isinstance(part, Mapping):
        part = {"from": part}
    sources = part["from"]
    sources = [sources] if isinstance(sources, str) else sources
    return InputSpec(tuple(str(source) for source in sources), _flag(part.get("optional")))


def _output(part: Mapping[str, Any]) -> OutputSpec:
    return OutputSpec(str(part["file"]), str(part["type"]), _flag(part.get("optional")))


def _key(part: Mapping[str, Any]) -> KeySpec:
    default, choices, limits = part.get("default"), part.get("of"), part.get("range")
    return KeySpec(
        type=str(part["type"]),
        default=None if default is None else str(default),
        of=None if choices is None else tuple(str(choice) for choice in choices),
        range=None if limits is None else (float(limits[0]), float(limits[1])),
    )


def _flag(value: object) -> bool:
    return str(value).lower() in ("true", "yes", "on") if value is not None else False
