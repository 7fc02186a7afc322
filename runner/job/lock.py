"""One runner per job and stage: a lock that the kernel lets go when its holder dies."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from runner.errors import CancelledError, StageBusyError
from runner.job.folder import Job
from runner.job.own_file import open_own, open_regular

HOLDER_BYTES: Final = 256


@contextmanager
def stage_lock(
    job: Job,
    stage_id: str,
    *,
    wait_seconds: float = 0,
    waiting: Callable[[str], None] = lambda _: None,
    cancelled: Callable[[], str | None] = lambda: None,
) -> Iterator[None]:
    """Hold the lock of one stage of one job; ``waiting`` is told once behind whom it waits.

    ``cancelled`` names the signal that asks to stop waiting. Raises StageBusyError when another
    runner still has it after ``wait_seconds``, CancelledError and JobFolderError.
    """
    with _lock_file(job, f"{stage_id}.lock") as descriptor:
        _acquire(descriptor, job, stage_id, wait_seconds, waiting, cancelled)
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"pid": os.getpid()}).encode(), 0)
            yield
        finally:
            os.ftruncate(descriptor, 0)
            fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def _lock_file(job: Job, name: str) -> Iterator[int]:
    descriptor = open_own(job.private / "locks" / name, os.O_RDWR | os.O_CREAT)
    try:
        job.give_open(descriptor)
        # Others may look whether a stage runs, whatever the caller's umask is.
        with contextlib.suppress(PermissionError):
            os.fchmod(descriptor, os.fstat(descriptor).st_mode | 0o444)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(
    descriptor: int,
    job: Job,
    stage_id: str,
    wait_seconds: float,
    waiting: Callable[[str], None],
    cancelled: Callable[[], str | None],
) -> None:
    deadline = time.monotonic() + wait_seconds
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = _holder(descriptor)
        if signal := cancelled():
            msg = f"not started: cancelled by {signal} while waiting for {holder}"
            raise CancelledError(msg)
        if time.monotonic() >= deadline:
            msg = (
                f"{stage_id} of {job.root} is being run by {holder}. Wait for it (--wait), or look "
                f"at it with: stagerun logs -f {stage_id} {job.root}"
            )
            raise StageBusyError(msg)
        if not told:
            waiting(f"waiting for {holder}, which runs {stage_id}")
            told = True
        # flock has no time limit of its own; waiting is rare and asked for.
        time.sleep(0.2)


def _holder(descriptor: int) -> str:
    """The holder of a lock for people."""
    try:
        holder = json.loads(os.pread(descriptor, HOLDER_BYTES, 0))
        return f"process {int(holder['pid'])}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another runner"


def is_locked(job: Job, stage_id: str) -> bool:
    """Whether some runner has the stage right now."""
    path = job.private / "locks" / f"{stage_id}.lock"
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        # Whoever holds it has written its pid into it. Looking there first keeps this from taking
        # a free lock, for an instant, away from a runner that begins right now.
        if not os.fstat(descriptor).st_size:
            return False
        # Shared, so that two who look do not take each other for a runner.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def job_manifest_lock(job: Job) -> Iterator[None]:
    """Hold the lock under which the job manifest is read, changed and written."""
    with _lock_file(job, "manifest.lock") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def watch_lock(job: Job) -> Iterator[None]:
    """Hold the lock under which calls that watch a folder agree whose the job is."""
    with _lock_file(job, "watch.lock") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
