"""The model store: folders of files by name, with the digests that they had when they were added.

``<store>/<name>/.stagerun-model.json`` has size, digest, times and inode of each file. While those
agree with the disk no file is hashed again, however large it is. Reading it stays free of pydantic,
since every run of a stage with a model does.
"""

import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.errors import ModelMissingError, UsageError
from runner.job.fingerprint import file_digest
from runner.project.models import NeededModel, listed
from runner.project.stage import OneOf

RECORD: Final = ".stagerun-model.json"
Digest = Callable[[Path], str]


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A file on record; size in bytes."""

    size_bytes: int
    checksum: str
    mtime_ns: int
    ctime_ns: int
    inode: int

    def is_untouched(self, status: os.stat_result) -> bool:
        """Whether nobody can have written the file since; a program can put back all but ctime."""
        now = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        return now == (self.size_bytes, self.mtime_ns, self.ctime_ns, self.inode)


@dataclass(frozen=True, kw_only=True)
class FoundModel:
    """A model that is there: its folder, its name in the store, the digests of its files."""

    folder: Path
    name: str
    files: dict[str, str]


def find_model(store: Path | None, needed: NeededModel, digest: Digest = file_digest) -> FoundModel:
    """A model with the digest of each of its files, those that no stage declares included.

    ``digest`` is asked about files that are on no record, or were touched since. Raises
    ModelMissingError with the folder and files that are expected.
    """
    record = {} if store is None else read_record(store / needed.name, needed.name)
    folder = model_folder(store, needed, recorded=record)
    files = {}
    for name in sorted(files_of(folder)):
        known, path = record.get(name), folder / name
        if known is not None and known.is_untouched(path.stat(follow_symlinks=False)):
            files[name] = known.checksum
            continue
        files[name] = digest(path)
        if known is not None and files[name] != known.checksum:
            msg = (
                f"{needed.stage} needs the model {needed.name}, and {path} is not the file that "
                f"was added. Put that one back, or record it: {_again(folder, needed.name)}"
            )
            raise ModelMissingError(msg)
    return FoundModel(folder=folder, name=needed.name, files=files)


def model_folder(
    store: Path | None, needed: NeededModel, *, recorded: Collection[str] | None = None
) -> Path:
    """The folder of a model that has all its files, none hashed. Raises ModelMissingError.

    ``recorded`` are the files on record, where the caller has read that already.
    """
    begin = f"{needed.stage} needs the model {needed.name}"
    if store is None:
        msg = (
            f"{begin}, but the site has no model store. Name one in stagerun.yaml (models: "
            f"FOLDER), then: {_add(needed.name)}"
        )
        raise ModelMissingError(msg)
    folder = store / needed.name
    if recorded is None:
        with suppress(ModelMissingError):  # whoever needs the record itself says what is wrong
            recorded = read_record(folder, needed.name)
    if problem := _problem(store, needed, recorded or ()):
        msg = (
            f"{begin}, but {problem}. {folder} must hold {needed.expected()}. "
            f"Add it with: {_add(needed.name)}"
        )
        raise ModelMissingError(msg)
    return folder


def lacking(folder: Path, needed: NeededModel) -> tuple[OneOf, ...]:
    """The declared files that a model's folder does not have, each with what would do as well."""
    return needed.lacking(_there(folder, needed))


def _there(folder: Path, needed: NeededModel) -> list[str]:
    below = [path.name for path in sorted(folder.glob("[!.]*")) if path.is_dir()]
    return [path for path in needed.paths(below) if (folder / path).is_file()]


def _add(name: str) -> str:
    return f"stagerun models add {name} PATH"


def _again(folder: Path, name: str) -> str:
    return f"stagerun models add {name} {folder}"


def _problem(store: Path, needed: NeededModel, recorded: Collection[str]) -> str | None:
    folder = store / needed.name
    if not folder.is_dir():
        return f"{folder} is not there"
    if problem := _unusable(store, folder):
        return problem
    if not needed.files and not files_of(folder):
        return f"{folder} holds no files"
    there = _there(folder, needed)
    gone = [name for name in recorded if not (folder / name).is_file()]
    absent = [one_of for one_of in needed.lacking(there) if not {*one_of} & {*gone}]
    if absent or gone:
        return f"{folder} lacks {listed([*absent, *((name,) for name in gone)])}"
    found = ((name, _unusable(store, folder / name)) for name in dict.fromkeys((*there, *recorded)))
    faults = {name: problem for name, problem in found if problem}
    usable = [name for name in there if name not in faults]
    # Of files that can stand for each other one that cannot be used is no harm.
    counts = there if needed.lacking(usable) else recorded
    return next((faults[name] for name in counts if name in faults), None)


def _unusable(store: Path, path: Path) -> str | None:
    """Why a stage in its container could not read what is there."""
    if path.resolve() != store.resolve() / path.relative_to(store):
        return f"{path} is reached over a symbolic link, which leads nowhere inside a container"
    mode = os.R_OK | (os.X_OK if path.is_dir() else 0)
    return None if os.access(path, mode) else f"you may not read {path}"


def read_record(folder: Path, name: str) -> dict[str, ModelFile]:
    """The files on record; empty for a model that was put there by hand.

    Raises ModelMissingError for a record that cannot be read.
    """
    path = folder / RECORD
    try:
        document = json.loads(path.read_bytes())
        return {file: ModelFile(**facts) for file, facts in document["files"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        msg = f"{path} cannot be read ({problem}). Write it anew: {_again(folder, name)}"
        raise ModelMissingError(msg) from None


def files_of(folder: Path) -> tuple[str, ...]:
    """The files in a model's folder by their path in it, hidden ones and links left out."""
    plain = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return tuple(
        str(inside)
        for inside in (path.relative_to(folder) for path in plain)
        if not any(part.startswith(".") for part in inside.parts)
    )


def read_record_leniently(folder: Path, name: str) -> dict[str, ModelFile]:
    """The record, without files that are gone; none where it cannot be read."""
    with suppress(ModelMissingError):
        known = read_record(folder, name)
        return {file: facts for file, facts in known.items() if (folder / file).is_file()}
    return {}


def recorded_models(store: Path) -> list[str]:
    """The names of all models on record."""
    return sorted(str(path.parent.relative_to(store)) for path in store.rglob(RECORD))


def departures(store: Path, name: str) -> Iterator[tuple[str, str]]:
    """Every file of a model that is not as recorded, with what is wrong; all are hashed.

    Raises UsageError for a model without a record, and ModelMissingError for a broken one.
    """
    folder = store / name
    record = read_record(folder, name)
    if not record:
        msg = f"no digests of {name} are on record. Record them: {_again(folder, name)}"
        raise UsageError(msg)
    for file, known in record.items():
        path = folder / file
        if path.is_symlink() or (path.exists() and not path.is_file()):
            yield file, "is no regular file any more"
        elif not path.exists():
            yield file, "is gone"
        elif (size := path.stat().st_size) != known.size_bytes:
            yield file, f"has {size} bytes instead of {known.size_bytes}"
        elif file_digest(path) != known.checksum:
            yield file, "is not the file that was added"
