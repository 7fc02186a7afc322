"""Adding to the model store: files are linked or copied, and their digests recorded."""

import os
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from runner.errors import UsageError
from runner.events import Observer
from runner.job.fingerprint import file_digest
from runner.job.input_files import bring, real_file, same_content
from runner.job.model_store import RECORD, ModelFile, read_record_leniently


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
    part = target.with_name(f".{target.name[:100]}.{os.urandom(4).hex()}")
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


def _document(name: str, source: Path, record: dict[str, ModelFile]) -> str:
    from runner.model_record import ModelRecord, RecordedFile

    document = ModelRecord(
        name=name,
        source=str(source.absolute()),
        added_at=datetime.now(UTC),
        files={file: RecordedFile(**asdict(facts)) for file, facts in sorted(record.items())},
    )
    return document.model_dump_json(indent=1) + "\n"


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    try:
        with part.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
