"""The folder of the ledger: where all users find it, how it is made for them, and its lock."""

import contextlib
import errno
import fcntl
import os
import random
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from runner.errors import GpuUnavailableError
from runner.host.machine import lock_holder

LOCKS: Final = Path("/run/lock")
USUAL: Final = "stagerun"
# A folder for all users in which each can remove only what is theirs.
STICKY: Final = 0o1777
# With the first alone nobody makes a folder on purpose.
FOR_ALL: Final = stat.S_ISVTX | stat.S_IWGRP | stat.S_IWOTH
FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LOOK_EVERY_SECONDS: Final = 0.002
# Many that wait for the lock would keep the processors from the one that has it.
LOOK_SELDOM_SECONDS: Final = 0.02


def usual_folder(locks: Path = LOCKS) -> Path:
    """The folder that all users of a machine find without any setting.

    Some systems let root alone write to ``/run/lock``: there it has to be made by root first.
    """
    usual = locks / USUAL
    with contextlib.suppress(OSError):
        if usual.is_dir() or locks.stat().st_mode & stat.S_IWOTH:
            return usual
    return Path("/tmp") / f"{USUAL}-gpus"


@contextlib.contextmanager
def locked(folder: Path, patience_seconds: float) -> Iterator[None]:
    """One process at a time, for as long as the block takes; the folder is made if need be.

    Who has the lock for twice ``patience_seconds``, and does nothing, stands still. Raises
    GpuUnavailableError then, and where the folder cannot be used.
    """
    while not _is_still_there(folder, descriptor := _locked(folder, patience_seconds)):
        os.close(descriptor)
    try:
        yield
    finally:
        # A process that was forked meanwhile has the descriptor too, and would keep the lock.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def changed_at(folder: Path) -> int | None:
    """What is another number when a file came or went; None where that cannot be told."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return None


def unusable(folder: Path, problem: OSError | str) -> GpuUnavailableError:
    """The error that says why a folder does not do, and what to do about it."""
    reason = _reason(problem) if isinstance(problem, OSError) else problem
    return GpuUnavailableError(
        f"{folder}, the folder in which the runs of this machine reserve GPU memory, "
        f"{reason}. Mend that, or name another one that all of its users may write to: "
        "stagerun.yaml, gpu: {ledger: FOLDER}."
    )


def take_lock(folder: Path, descriptor: int) -> bool:
    """Lock the folder that is open there, unless somebody else has. Raises GpuUnavailableError."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as problem:
        # Some file systems of networks lock no folders.
        raise unusable(folder, f"cannot be locked: {problem.strerror}") from None
    return True


def _locked(folder: Path, patience_seconds: float) -> int:
    """The descriptor of the folder that is there now, with the lock on it."""
    descriptor = _open(folder)
    try:
        seen, end = ("", changed_at(folder)), time.monotonic() + patience_seconds
        while not take_lock(folder, descriptor):
            if time.monotonic() > end:
                last, seen = seen, (lock_holder(descriptor), changed_at(folder))
                if seen == last:
                    raise unusable(folder, f"is locked by {seen[0]}, which stands still")
                end = time.monotonic() + patience_seconds
            time.sleep(random.uniform(LOOK_EVERY_SECONDS, LOOK_SELDOM_SECONDS))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_still_there(folder: Path, descriptor: int) -> bool:
    """Whether others lock the same: a folder that was removed may have been made anew."""
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    return False


def _open(folder: Path) -> int:
    # Whoever makes the folder needs a moment until others may use it.
    for _ in range(50):
        try:
            _make(folder)
            descriptor = os.open(folder, FOLDER)
        except (PermissionError, FileNotFoundError):
            pass
        except OSError as problem:
            raise unusable(folder, problem) from None
        else:
            if os.access(folder, os.W_OK | os.X_OK):
                return descriptor
            os.close(descriptor)
        time.sleep(LOOK_EVERY_SECONDS)
    raise unusable(folder, "may not be written to by you")


def _make(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=STICKY)
    except FileExistsError:
        if not _is_unfinished(folder):
            return
    folder.chmod(STICKY)


def _is_unfinished(folder: Path) -> bool:
    """Whether I was killed when I had made it, and had not yet given it to all users."""
    state = folder.lstat()
    mine = stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid()
    return mine and state.st_mode & FOR_ALL == stat.S_ISVTX


def _reason(problem: OSError) -> str:
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "has no space left"
    if problem.errno in {errno.ELOOP, errno.ENOTDIR}:
        return "is no folder of its own"
    return f"cannot be used: {problem.strerror}"
