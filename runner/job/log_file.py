"""The files of pipeline logs: whole lines, whoever died while writing one.

A log holds entries: a line that begins with ``[``, and further lines of its message, indented.
Whoever writes one holds a shared lock on it, so that nobody takes it for a dead runner's.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from runner.job.folder import Job
from runner.job.own_file import open_regular

INDENT: Final = "    "
BLOCK: Final = 1 << 16
MOST_REREAD: Final = 100 << 20
"""Bytes; more than the engine's copy of a container's output can hold."""


@dataclass(frozen=True)
class LogPlace:
    """Where in which file the entries of a run begin."""

    path: Path
    offset: int


def logs_of(job: Job) -> list[Path]:
    """All pipeline logs of a job, oldest first; none where they cannot be looked for."""
    with contextlib.suppress(OSError):
        return sorted(job.logs.glob("99_pipeline_*.log"))
    return []


def open_log(job: Job, path: Path) -> int:
    """Open a log for adding entries, and keep others from mending it. Raises OSError."""
    descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with contextlib.suppress(OSError):
        job.give_open(descriptor)
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def mend_logs(job: Job) -> None:
    """Take away the half line that a killed runner left at the end of a log, if that can be."""
    for path in logs_of(job):
        with contextlib.suppress(OSError):
            descriptor = open_regular(path, os.O_RDWR)
            try:
                if _is_torn(descriptor):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _cut(descriptor)
            finally:
                os.close(descriptor)


def _is_torn(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _cut(descriptor: int) -> None:
    """Cut a file behind its last line feed."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - BLOCK)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            os.ftruncate(descriptor, start + found + 1)
            return
        end = start
    os.ftruncate(descriptor, 0)


def place_of(job: Job, run_id: str) -> LogPlace | None:
    """Where the log tells that a run was started; None where no log does."""
    wanted = f"run {run_id} started".encode()
    for path in reversed(logs_of(job)):
        offset = 0
        with contextlib.suppress(OSError), _read(path) as file:
            for line in file:
                if wanted in line:
                    return LogPlace(path, offset)
                offset += len(line)
    return None


def entries_from(place: LogPlace) -> Iterator[bytes]:
    """The entries from a place on, as far back as an engine's copy can reach. Raises OSError."""
    with _read(place.path) as file:
        start = max(place.offset, os.fstat(file.fileno()).st_size - MOST_REREAD)
        file.seek(start)
        entry = b""
        for line in file:
            if not line.startswith(INDENT.encode()):
                yield entry
                entry = b""
            entry += line
        yield entry


def _read(path: Path) -> BinaryIO:
    return os.fdopen(open_regular(path, os.O_RDONLY), "rb")
