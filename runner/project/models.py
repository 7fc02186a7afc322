"""The models that a stage's settings ask for, by the names that they have in the model store."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner.errors import ConfigError, SettingsError, UsageError
from runner.project.config import Value
from runner.project.settings import Settings
from runner.project.stage import StageSpec, holds


@dataclass(frozen=True, kw_only=True)
class NeededModel:
    """A model that a stage needs: its folder below the store, the files that make it complete.

    ``key`` is what ``stage.yaml`` calls it.
    """

    stage: str
    key: str
    name: str
    files: tuple[str, ...]


def needed_models(stage: StageSpec, config: Mapping[str, Value]) -> tuple[NeededModel, ...]:
    """The models that these settings need. Raises ConfigError where one leads out of the store."""
    values = {key: value.value for key, value in config.items()}
    texts = {key: value or "" for key, value in values.items()}
    found = []
    for model in stage.models:
        if not holds(model.when, values):
            continue
        name = model.folder.format_map(texts)
        if problem := misnamed(name):
            msg = (
                f"{stage.id} would read its model {model.name!r} from {name!r} in the model store, "
                f"and {problem}. Correct the settings that stand in {model.folder!r}."
            )
            raise ConfigError(msg)
        found.append(NeededModel(stage=stage.id, key=model.name, name=name, files=model.files))
    return tuple(found)


def model_name(text: str) -> str:
    """A name for the model store as the caller wrote it. Raises UsageError."""
    if problem := misnamed(text):
        msg = f"{text!r} is no name for a model: {problem}. Write one like whisper/small."
        raise UsageError(msg)
    return text


def misnamed(name: str) -> str | None:
    """Why a text names no folder of the store; None when it does."""
    path = PurePosixPath(name)
    if not name or "\0" in name:
        return "it is empty" if not name else "it holds a NUL"
    if path.is_absolute() or str(path) != name or ".." in path.parts or not path.parts:
        return "it must be a plain path below the store"
    if any(part.startswith(".") for part in path.parts):
        return "no part of it may begin with a dot"
    return None


def store_of(settings: Settings) -> Path:
    """The site's model store. Raises SettingsError when there is none."""
    if settings.models is None:
        msg = "the site has no model store. Name one in stagerun.yaml (models: FOLDER)."
        raise SettingsError(msg)
    return settings.models
