"""May this run start now? Disk, memory, and how many stages run at once on this machine."""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from runner.errors import CancelledError, DiskFullError, NotAdmittedError
from runner.events import Observer, StageWaiting
from runner.host.machine import free_bytes, memory_total_bytes
from runner.job.folder import Job
from runner.project.quantity import limit_text, size_text
from runner.run.cancellation import Cancellation
from runner.run.request import Request


@contextlib.contextmanager
def admit(request: Request, job: Job, cancellation: Cancellation, emit: Observer) -> Iterator[None]:
    """Hold a place among the stages that run at once.

    Raises DiskFullError or NotAdmittedError, with the numbers, and CancelledError.
    """
    _check_disk(request, job)
    _check_memory(request)
    with _slot(request, cancellation, emit):
        yield


def _check_disk(request: Request, job: Job) -> None:
    free, wanted = free_bytes(job.root), request.project.settings.limits.disk_free
    if free < wanted:
        msg = (
            f"{job.root} has {size_text(free)} free, and a stage starts only with "
            f"{size_text(wanted)} (stagerun.yaml: limits.disk_free). Free some: stagerun clean "
            f"{job.root} shows what would go."
        )
        raise DiskFullError(msg)


def _check_memory(request: Request) -> None:
    asked, total = request.limits.values.memory, memory_total_bytes()
    if asked is not None and total is not None and asked > total:
        msg = (
            f"{request.stage.id} asks for {limit_text(asked)} of memory "
            f"({request.limits.sources['memory']}), and this machine has {limit_text(total)}. "
            "Lower it with --memory, or use a larger machine."
        )
        raise NotAdmittedError(msg)


@contextlib.contextmanager
def _slot(request: Request, cancellation: Cancellation, emit: Observer) -> Iterator[None]:
    limit = request.project.settings.limits.stages_at_once
    deadline = time.monotonic() + request.options.wait_seconds
    told = False
    with contextlib.ExitStack() as stack:
        while not _take_one(limit, stack):
            refusal = (
                f"{limit} stages run at once here already (stagerun.yaml: limits.stages_at_once)"
            )
            if cancellation.requested:
                msg = f"not started: cancelled by {cancellation.signal} while waiting for a place"
                raise CancelledError(msg)
            if time.monotonic() >= deadline:
                msg = f"{refusal}. Wait for one to end (--wait), or raise it."
                raise NotAdmittedError(msg)
            if not told:
                emit(StageWaiting(stage=request.stage.id, reason=refusal))
                told = True
            # File locks have no time limit of their own; waiting is rare and asked for.
            time.sleep(0.2)
        yield


def _take_one(limit: int, stack: contextlib.ExitStack) -> bool:
    folder = slots_folder()
    for number in range(limit):
        file = stack.enter_context((folder / f"{number}.lock").open("a", encoding="utf-8"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
        else:
            return True
    return False


def slots_folder() -> Path:
    """Where this user's runners on this machine lock their places; the kernel unlocks them."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    folder = base / f"stagerun-{os.geteuid()}" / "slots"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
