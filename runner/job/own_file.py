"""The runner's own files in a job, opened so that nothing else is read or written in their place.

A job directory belongs to its owner, who may put there what they like, and a runner may be root.
"""

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Final

from runner.errors import JobAccessError, JobFolderError

# A FIFO would let the runner wait for somebody who never comes.
CAREFUL: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
KINDS: Final = {
    errno.ELOOP: "is a symbolic link",
    errno.ENXIO: "is no regular file",
    errno.EINVAL: "is no regular file",
    errno.EISDIR: "is a folder",
}
NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def open_regular(path: Path, flags: int) -> int:
    """Open a regular file; links are not followed. Raises OSError, also for anything else."""
    descriptor = os.open(path, flags | CAREFUL, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return descriptor


def content_of(path: Path, most_bytes: int) -> bytes | None:
    """The beginning of a regular file; None where there is none that can be read."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(descriptor, most_bytes)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def open_own(path: Path, flags: int) -> int:
    """Open a file of the runner's own.

    Raises JobFolderError, FileNotFoundError without O_CREAT, and OSError where space is lacking.
    """
    try:
        return open_regular(path, flags)
    except FileNotFoundError:
        raise
    except OSError as problem:
        if problem.errno in NO_SPACE:
            raise
        raise _refusal(path, problem) from None


def _refusal(path: Path, problem: OSError) -> JobFolderError:
    if kind := KINDS.get(problem.errno or 0):
        return JobFolderError(
            f"{path} {kind}, where the runner keeps a file of its own. Remove it."
        )
    return JobAccessError(
        f"{path} cannot be opened: {problem.strerror}. Check its owner and its file system."
    )


def sync_folder(folder: Path) -> None:
    """Force to disk which names a folder holds: a file alone may lose its name in a power cut."""
    # Some file systems cannot do this, and keep names in their own way.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
