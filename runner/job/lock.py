"""One runner per job and stage: a lock that the kernel lets go when its holder dies."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.errors import CancelledError, StageBusyError
from runner.job.folder import Job


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
    runner still has it after ``wait_seconds``, and CancelledError.
    """
    path = job.private / "locks" / f"{stage_id}.lock"
    with path.open("a+", encoding="utf-8") as file:
        job.give(path)
        _acquire(file.fileno(), path, job, stage_id, wait_seconds, waiting, cancelled)
        try:
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid()}))
            file.flush()
            yield
        finally:
            file.truncate(0)
            fcntl.flock(file, fcntl.LOCK_UN)


def _acquire(
    descriptor: int,
    path: Path,
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
            holder = lock_holder(path)
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


def lock_holder(path: Path) -> str:
    """The holder of a lock for people."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {holder['pid']}"
    except (OSError, ValueError, KeyError):
        return "another runner"


def is_locked(job: Job, stage_id: str) -> bool:
    """Whether some runner has the stage right now."""
    path = job.private / "locks" / f"{stage_id}.lock"
    try:
        # Whoever holds it has written its pid into it. Looking there first keeps this from taking
        # a free lock, for an instant, away from a runner that begins right now.
        if not path.stat().st_size:
            return False
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def job_manifest_lock(job: Job) -> Iterator[None]:
    """Hold the lock under which the job manifest is read, changed and written."""
    path = job.private / "locks" / "manifest.lock"
    with path.open("a", encoding="utf-8") as file:
        job.give(path)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
