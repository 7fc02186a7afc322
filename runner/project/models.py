"""The models that a stage's settings ask for, by the names that they have in the model store."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from string import Formatter

from runner.errors import ConfigError, SettingsError, UsageError
from runner.project.config import Value
from runner.project.settings import Settings
from runner.project.stage import Conditions, OneOf, StageSpec, holds

Values = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class NeededModel:
    """A model that a stage needs: its folder below the store, the files that make it complete.

    ``key`` is what ``stage.yaml`` calls it. Where ``subfolders`` is a pattern, folders of such
    names below may hold the files instead, each all of them.
    """

    stage: str
    key: str
    name: str
    files: tuple[OneOf, ...]
    subfolders: str | None = None

    def lacking(self, there: Collection[str]) -> tuple[OneOf, ...]:
        """What is missing of a folder that has these files, by their paths in it."""
        missing = _missing(self.files, there)
        below = self._begun_below(there) if missing else []
        if not below:
            return missing
        return tuple(
            tuple(f"{folder}/{name}" for name in one_of)
            for folder, files in below
            for one_of in _missing(self.files, files)
        )

    def paths(self, folders: Iterable[str]) -> list[str]:
        """Where the files may lie in the model's folder, which has these folders below."""
        names = list(dict.fromkeys(name for one_of in self.files for name in one_of))
        below = filter(self._may_be_model, folders)
        return [*names, *(f"{folder}/{name}" for folder in below for name in names)]

    def expected(self) -> str:
        """The files that the folder must hold, in words."""
        words = listed(self.files) or "the model's files"
        if self.subfolders is None:
            return words
        return f"{words} (or each of its folders {self.subfolders} must)"

    def _begun_below(self, there: Collection[str]) -> list[tuple[str, set[str]]]:
        """The folders below that have some of the files, with those; others are no model."""
        names = self.paths(())
        found = [
            (folder, {name for name in names if f"{folder}/{name}" in there})
            for folder in sorted({path.split("/")[0] for path in there if "/" in path})
            if self._may_be_model(folder)
        ]
        return [(folder, files) for folder, files in found if files]

    def _may_be_model(self, folder: str) -> bool:
        return self.subfolders is not None and fnmatchcase(folder, self.subfolders)


def _missing(files: tuple[OneOf, ...], there: Collection[str]) -> tuple[OneOf, ...]:
    return tuple(one_of for one_of in files if not any(name in there for name in one_of))


def listed(files: Iterable[OneOf]) -> str:
    """Files in words: ``model.bin, vocabulary.json or vocabulary.txt``."""
    return ", ".join(" or ".join(one_of) for one_of in files)


def needed_models(stage: StageSpec, config: Mapping[str, Value]) -> tuple[NeededModel, ...]:
    """The models that these settings need; those of one folder need the files of each.

    Raises ConfigError where one leads out of the store.
    """
    return _needed(stage, _values(config))


def _values(config: Mapping[str, Value]) -> dict[str, str | None]:
    return {key: value.value for key, value in config.items()}


def _needed(stage: StageSpec, values: Values) -> tuple[NeededModel, ...]:
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
        found.append(
            NeededModel(
                stage=stage.id,
                key=model.name,
                name=name,
                files=model.files,
                subfolders=model.subfolders,
            )
        )
    return tuple(replace(model, files=_files_of_its_folder(model, found)) for model in found)


def _files_of_its_folder(model: NeededModel, needed: Iterable[NeededModel]) -> tuple[OneOf, ...]:
    place = (model.name, model.subfolders)
    same = [each for each in needed if (each.name, each.subfolders) == place]
    return tuple(dict.fromkeys(one_of for each in same for one_of in each.files))


def wished_models(
    stage: StageSpec, config: Mapping[str, Value], name: str
) -> Iterator[tuple[NeededModel, ...]]:
    """What the stage would need of the model of that name, for each way of making it need it.

    The settings of ``config`` stand where they do not keep the stage from reading that folder.
    """
    for model in stage.models:
        fields = _fields(model.folder, name)
        if fields is None:
            continue
        changed = _made_to_hold(model.when, _values(config) | fields)
        if any(changed[key] != value for key, value in fields.items()):
            continue
        yield tuple(each for each in _needed(stage, changed) if each.name == name)


def wished_names(stage: StageSpec, config: Mapping[str, Value]) -> list[str]:
    """A name for each model of the stage, with the settings that make the stage need it."""
    return [
        needed.name
        for model in stage.models
        for needed in _needed(stage, _made_to_hold(model.when, _values(config)))
        if needed.key == model.name
    ]


def _fields(template: str, name: str) -> dict[str, str] | None:
    """The settings with which a template becomes the name; None where none do."""
    pattern = ""
    groups: dict[str, str] = {}
    for literal, field, _, _ in Formatter().parse(template):
        pattern += re.escape(literal)
        if field is None:
            continue
        known = groups.get(field)
        groups[field] = known or f"field{len(groups)}"
        pattern += f"(?P={known})" if known else f"(?P<{groups[field]}>.+)"
    found = re.fullmatch(pattern, name)
    return found and {field: found[group] for field, group in groups.items()}


def _made_to_hold(when: Conditions, values: Values) -> dict[str, str | None]:
    changed = {key: wanted[0] for key, wanted in when.items() if values.get(key) not in wanted}
    return {**values, **changed}


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
