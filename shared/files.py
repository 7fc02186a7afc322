"""Files: written so that no reader ever sees half of one, measured, and digested."""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Iterator, Optional, Union

PathLike = Union[str, "os.PathLike[str]"]
BLOCK_BYTES: Final = 1 << 20

_counter = itertools.count()


@dataclass(frozen=True)
class Measure:
    """What a path holds: sizes in bytes, the digest as ``sha256:<hex>``; None is unmeasured."""

    size_bytes: Optional[int]
    file_count: Optional[int] = None
    checksum: Optional[str] = None
    problem: Optional[str] = None


def write_atomically(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace a file by a complete new one; ``durable`` waits until the disk has it.

    Raises OSError, and then leaves the old file as it was.
    """
    temporary = path.with_name(f"{temporary_prefix(path)}{os.getpid()}.{next(_counter)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:  # a signal's SystemExit must not leave the file behind either
        with suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        _sync_folder(path.parent)


def temporary_prefix(path: Path) -> str:
    """How the names of a file's unfinished successors begin."""
    return f".{path.name}."


def remove_unfinished(path: Path) -> None:
    """Remove what writers of this file left behind when they were killed."""
    for leftover in path.parent.glob(f"{temporary_prefix(path)}*.tmp"):
        with suppress(OSError):
            leftover.unlink()


def compute_hash(path: PathLike) -> str:
    """The SHA-256 of a file, or over the sorted tree of a folder, as 64 hexadecimal digits.

    Raises OSError when something of it cannot be read.
    """
    source = Path(path)
    return _tree_digest(source) if source.is_dir() else _file_digest(source)


def measure(path: Path, *, hashing: bool) -> Optional[Measure]:
    """Size and, if asked, digest of a file or folder; None where there is nothing."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    try:
        if stat.S_ISDIR(status.st_mode):
            return _measure_folder(path, hashing=hashing)
        if not stat.S_ISREG(status.st_mode):  # reading a pipe could wait for ever
            return Measure(None, problem="it is neither a file nor a folder")
        checksum = f"sha256:{_file_digest(path)}" if hashing else None
        return Measure(path.stat().st_size, checksum=checksum)
    except OSError as error:
        return Measure(None, problem=f"it cannot be read: {error.strerror}")


def _measure_folder(path: Path, *, hashing: bool) -> Measure:
    sizes = [
        entry.stat().st_size if entry.is_file() and not entry.is_symlink() else 0
        for entry in _tree(path)
        if entry.is_symlink() or not entry.is_dir()
    ]
    checksum = f"sha256:{_tree_digest(path)}" if hashing else None
    return Measure(sum(sizes), file_count=len(sizes), checksum=checksum)


def _tree(folder: Path) -> Iterator[Path]:
    """Everything below a folder, sorted by name at each level; links are not followed."""

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(folders + files):
            yield Path(parent, name)


def _tree_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for entry in sorted(_tree(folder)):
        if entry.is_symlink():
            content = b"link " + os.fsencode(entry.readlink())
        elif entry.is_dir():
            content = b"folder"
        elif entry.is_file():
            content = b"file " + _file_digest(entry).encode()
        else:
            content = b"special"
        name = os.fsencode(entry.relative_to(folder).as_posix())
        digest.update(name + b"\0" + content + b"\0")
    return digest.hexdigest()


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    # Some file systems refuse to sync a folder; the file itself is on disk by then.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
