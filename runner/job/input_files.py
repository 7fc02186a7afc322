"""Bringing a file into a job: a hard link, else a reflink, else a copy; and under which name."""

import contextlib
import errno
import fcntl
import os
import stat
import time
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from runner.errors import DiskFullError, JobAccessError, UsageError
from runner.events import Copying, Observer
from runner.job.fingerprint import file_digest
from runner.project.quantity import size_text

FICLONE: Final = 0x40049409
"""The request to share a file's blocks, from ``linux/fs.h``."""

CHUNK: Final = 4 << 20
TELL_EVERY_SECONDS: Final = 0.1

# Control characters, lone surrogates (bytes that are no UTF-8), unassigned ones, line separators.
TROUBLE: Final = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})


class Way(StrEnum):
    """How a file came into a job."""

    LINK = "hard link"
    REFLINK = "reflink"
    COPY = "copy"
    REFERENCE = "by reference"


def real_file(path: Path) -> Path:
    """The regular file behind a path or link, absolute. Raises UsageError if it is not usable."""
    try:
        real = path.resolve(strict=True)
        kind = real.stat().st_mode
    except (OSError, RuntimeError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        msg = f"the input file {path} cannot be used: {reason}. Check its name."
        is_access = isinstance(problem, OSError) and not isinstance(problem, FileNotFoundError)
        raise (JobAccessError if is_access else UsageError)(msg) from None
    if not stat.S_ISREG(kind):
        what = "a directory" if stat.S_ISDIR(kind) else "no regular file"
        msg = f"the input file {path} is {what}. Name a file with the content itself."
        raise UsageError(msg)
    if not os.access(real, os.R_OK):
        msg = f"you may not read the input file {path}. Ask its owner for access, or copy it."
        raise JobAccessError(msg)
    return real


def name_inside(path: Path) -> str:
    """The file's own name, with what would break logs and lists replaced by ``_``."""
    name = path.name
    return "".join("_" if unicodedata.category(sign) in TROUBLE else sign for sign in name)


def bring(source: Path, target: Path, reader: tuple[int, int], emit: Observer) -> Way:
    """Make the file available as ``target``; ``reader`` is the uid and gid that must read it.

    Raises DiskFullError or OSError.
    """
    if _may_read(source, *reader):
        with contextlib.suppress(OSError):
            os.link(source, target)
            return Way.LINK
    with source.open("rb") as old, target.open("xb") as new:
        try:
            fcntl.ioctl(new.fileno(), FICLONE, old.fileno())
            way = Way.REFLINK
        except OSError:
            way = Way.COPY
            _copy(source, old.fileno(), new.fileno(), emit)
    # The time of the original tells later that this is still the same file.
    status = source.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    return way


def _may_read(path: Path, uid: int, gid: int) -> bool:
    """Whether a process of that user could read the file without any privilege."""
    status = path.stat()
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IRUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IRGRP)
    return bool(status.st_mode & stat.S_IROTH)


def _copy(source: Path, old: int, new: int, emit: Observer) -> None:
    total = os.fstat(old).st_size
    volume = os.fstatvfs(new)
    free = volume.f_bavail * volume.f_frsize
    if total > free:
        reason = f"it has {size_text(total)}, {size_text(free)} are free"
        raise DiskFullError(_no_space(source, reason))
    done, told = 0, time.monotonic()
    emit(Copying(path=str(source), done=0, total=total))
    try:
        while count := os.sendfile(new, old, None, CHUNK):
            done += count
            if time.monotonic() - told >= TELL_EVERY_SECONDS:
                told = time.monotonic()
                emit(Copying(path=str(source), done=min(done, total - 1), total=total))
        os.fsync(new)
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(_no_space(source, str(problem.strerror))) from None
        raise
    finally:
        emit(Copying(path=str(source), done=total, total=total))


def _no_space(source: Path, reason: str) -> str:
    return f"{source} cannot be copied to where it is needed: {reason}. Free some space."


def same_content(one: Path, other: Path, digest: Callable[[Path], str] = file_digest) -> bool:
    """Whether two files are one and the same, or copies of each other. Raises OSError."""
    if one.samefile(other):
        return True
    first, second = one.stat(), other.stat()
    if first.st_size != second.st_size:
        return False
    return first.st_mtime_ns == second.st_mtime_ns or digest(one) == digest(other)
