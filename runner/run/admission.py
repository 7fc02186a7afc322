"""May this run start now? Disk, memory, and how many stages run at once on this machine."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from runner.errors import CancelledError, DiskFullError, NotAdmittedError
from runner.events import Observer, StageWaiting
from runner.host.machine import free_bytes, memory_total_bytes
from runner.job.folder import Job
from runner.job.own_file import open_regular
from runner.project.quantity import limit_text, size_text
from runner.run.request import Request
from runner.run.user_folder import unusable, user_folder


@contextlib.contextmanager
def admit(
    request: Request, job: Job, stopped: Callable[[], str | None], emit: Observer
) -> Iterator[None]:
    """Hold a place among the stages that run at once; ``stopped`` names who wants it no more.

    Raises DiskFullError or NotAdmittedError, with the numbers, and CancelledError.
    """
    _check_disk(request, job)
    _check_memory(request)
    with _slot(request, stopped, emit):
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
def _slot(request: Request, stopped: Callable[[], str | None], emit: Observer) -> Iterator[None]:
    limit = request.project.settings.limits.stages_at_once
    deadline = time.monotonic() + request.options.wait_seconds
    told = False
    with contextlib.ExitStack() as stack:
        places = (_place(number, stack) for number in range(limit))
        seen: list[int] = []
        while not _take_one(places, seen):
            refusal = (
                f"{limit} stages run at once here already (stagerun.yaml: limits.stages_at_once)"
            )
            if who := stopped():
                msg = f"not started: cancelled by {who} while waiting for a place"
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


def _take_one(places: Iterator[int], seen: list[int]) -> bool:
    """Lock the first free place: one of those ``seen`` open, or else of the others in turn."""
    for descriptor in seen:
        if _lock(descriptor):
            return True
    for descriptor in places:
        seen.append(descriptor)
        if _lock(descriptor):
            return True
    return False


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _place(number: int, stack: contextlib.ExitStack) -> int:
    path = slots_folder() / f"{number}.lock"
    try:
        descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
    except OSError as problem:
        raise NotAdmittedError(unusable(path, f"cannot be opened: {problem.strerror}")) from None
    stack.callback(os.close, descriptor)
    return descriptor


def slots_folder() -> Path:
    """Where this user's runners on this machine lock their places; the kernel unlocks them.

    Raises NotAdmittedError where somebody else has, or may have, a hand in it.
    """
    return user_folder("slots")
