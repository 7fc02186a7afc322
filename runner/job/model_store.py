"""The model store: folders of files by name, with the digests that they had when they were added.

``<store>/<name>/.stagerun-model.json`` has size, digest, times and inode of each file. While those
agree with the disk no file is hashed again, however large it is.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from runner.errors import ModelMissingError, UsageError
from runner.events import Observer
from runner.job.fingerprint import file_digest
from runner.job.input_files import bring, real_file, same_content
from runner.project.models import NeededModel

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
    folder = model_folder(store, needed, recorded=tuple(record))
    files = {}
    for name in sorted({*needed.files, *files_of(folder)}):
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
    store: Path | None, needed: NeededModel, *, recorded: tuple[str, ...] | None = None
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
            recorded = tuple(read_record(folder, needed.name))
    wanted = dict.fromkeys((*needed.files, *(recorded or ())))
    problem = _incomplete(store, folder, tuple(wanted))
    if problem:
        holds = ", ".join(needed.files) or "the model's files"
        msg = (
            f"{begin}, but {problem}. {folder} must hold {holds}. Add it with: {_add(needed.name)}"
        )
        raise ModelMissingError(msg)
    return folder


def _add(name: str) -> str:
    return f"stagerun models add {name} PATH"


def _again(folder: Path, name: str) -> str:
    return f"stagerun models add {name} {folder}"


def _incomplete(store: Path, folder: Path, files: tuple[str, ...]) -> str | None:
    if not folder.is_dir():
        return f"{folder} is not there"
    if not files and not files_of(folder):
        return f"{folder} holds no files"
    places = (folder, *(folder / name for name in files))
    absent = [str(path.relative_to(folder)) for path in places[1:] if not path.is_file()]
    if absent:
        return f"{folder} lacks {', '.join(absent)}"
    root = store.resolve()
    for path in places:
        if path.resolve() != root / path.relative_to(store):
            return f"{path} is reached over a symbolic link, which leads nowhere inside a container"
    unread = [path for path in places[1:] if not os.access(path, os.R_OK)]
    return f"you may not read {unread[0]}" if unread else None


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


def add_model(store: Path, name: str, source: Path, emit: Observer) -> dict[str, ModelFile]:
    """Bring a folder's files, or one file, into the store, and record their digests.

    Files become hard links, or copies where that is not possible; what is there already stays. The
    model's own folder as ``source`` records what lies in it. Raises UsageError and DiskFullError.
    """
    folder = store / name
    files = _source_files(source, folder)
    _check_places(store, folder, files)
    for inside, file in files.items():
        target = folder / inside
        if os.path.lexists(target) and not (target.is_file() and same_content(file, target)):
            msg = f"{target} is there already, and is not {file}. Remove it, then add the model."
            raise UsageError(msg)
    try:
        for inside, file in files.items():
            _bring(file, folder / inside, emit)
        record = {**read_record_leniently(folder, name), **_measured(folder, files)}
        _write(folder / RECORD, _document(name, source, record))
    except OSError as problem:
        msg = f"{problem.filename or folder} cannot be written: {problem.strerror}. See its owner."
        raise UsageError(msg) from None
    return record


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


def _source_files(source: Path, folder: Path) -> dict[str, Path]:
    """The real files by their path in the model's folder; hidden ones are left out."""
    if not source.is_dir():
        if source.name.startswith("."):
            msg = (
                f"{source} is hidden, and a model has no hidden files. Rename it, or name another."
            )
            raise UsageError(msg)
        return {source.name: real_file(source)}
    place = source.resolve()
    if folder.resolve() != place and folder.resolve().is_relative_to(place):
        msg = f"{source} holds the model's own folder {folder}. Name the folder with its files."
        raise UsageError(msg)
    found = {
        str(path.relative_to(source)): real_file(path)
        for path in sorted(source.rglob("*"))
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(source).parts)
    }
    if not found:
        msg = f"{source} holds no files. Name the folder with the model's files, or one file."
        raise UsageError(msg)
    return found


def _check_places(store: Path, folder: Path, files: Iterable[str]) -> None:
    """Raises UsageError where a link would lead what is written out of the model's folder."""
    root = store.resolve()
    for place in (folder, *((folder / inside).parent for inside in files)):
        if place.resolve() != root / place.relative_to(store):
            msg = (
                f"{place} is reached over a symbolic link, so the model would be written to "
                f"{place.resolve()}. Remove the link, or name the model otherwise."
            )
            raise UsageError(msg)


def _bring(file: Path, target: Path, emit: Observer) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}")
    try:
        bring(file, part, (os.geteuid(), os.getegid()), emit)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _measured(folder: Path, files: dict[str, Path]) -> dict[str, ModelFile]:
    found = {}
    for inside in files:
        # Before hashing: what is written meanwhile must not pass for the file that was hashed.
        status = (folder / inside).stat()
        found[inside] = ModelFile(
            size_bytes=status.st_size,
            checksum=file_digest(folder / inside),
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
            inode=status.st_ino,
        )
    return found


def _document(name: str, source: Path, record: dict[str, ModelFile]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": name,
        "source": str(source.absolute()),
        "added_at": datetime.now(UTC).isoformat(),
        "files": {file: asdict(facts) for file, facts in sorted(record.items())},
    }


def _write(path: Path, document: dict[str, Any]) -> None:
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with part.open("x", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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
