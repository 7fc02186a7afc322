"""May this run start now? GPUs, disk, memory, and how many stages run at once on this machine."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runner.errors import CancelledError, NotAdmittedError
from runner.events import Observer, StageWaiting, WaitsFor
from runner.host.machine import memory_total_bytes
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.job.own_file import open_regular
from runner.project.quantity import limit_text
from runner.run.request import Host, Request
from runner.run.runtime_folder import runtime_folder, try_lock, unlock, unusable

SHORTEST_PAUSE_SECONDS: Final = 0.02
LONGEST_PAUSE_SECONDS: Final = 0.2
"""From one look to the next, in proportion to the wait: many that wait for long look seldom."""


@dataclass(frozen=True)
class _Refusal:
    """Why not now, and what else to do; ``ours`` when a stage of this call is in the way."""

    reason: str
    advice: str
    ours: bool = False
    waits_for: WaitsFor = WaitsFor.RESOURCE


@contextlib.contextmanager
def admit(
    request: Request, job: Job, host: Host, stopped: Callable[[], str | None], emit: Observer
) -> Iterator[None]:
    """Hold a place among the stages that run at once; ``stopped`` names who wants it no more.

    Raises DiskFullError or NotAdmittedError, with the numbers, and CancelledError.
    """
    # A call that finds everything done starts quicker without it.
    from runner.run.memory_promises import expected_bytes

    deadline = time.monotonic() + request.options.wait_seconds
    entry = read_entries(job).get(request.stage.id)
    _check_machine(request, job, entry, host)
    asked = expected_bytes(request, job, entry)
    with contextlib.ExitStack() as held:
        places = _Places(request, held)
        memory = _memory_taker(request, asked, host, held)

        def take() -> _Refusal | None:
            refusal = places.take() or memory()
            if refusal is not None:
                # Who waits for memory keeps nobody from running who needs less.
                places.give_back()
            return refusal

        _wait(take, request.stage.id, deadline, stopped, emit)
        yield


@contextlib.contextmanager
def reserve_gpus(
    request: Request, job: Job, host: Host, stopped: Callable[[], str | None], emit: Observer
) -> Iterator[Request]:
    """The request with the GPU memory that it has for the time of the block.

    Raises DiskFullError or NotAdmittedError before it waits for what would be of no use, and
    GpuUnavailableError, CancelledError, SettingsError and JobFolderError.
    """
    if request.gpu is None:
        yield request
        return
    from runner.run.gpu_request import reserve

    _check_machine(request, job, read_entries(job).get(request.stage.id), host)
    with reserve(request, request.gpu, job, host, stopped, emit) as reserved:
        yield reserved


def _check_machine(request: Request, job: Job, entry: Mapping[str, Any] | None, host: Host) -> None:
    """Refuse what waiting does not help: too little disk, or less memory than is asked for."""
    from runner.run.disk_room import check_disks

    check_disks(request, job, entry, host.engine)
    asked, total = request.limits.values.memory, memory_total_bytes()
    if asked is not None and total is not None and asked > total:
        msg = (
            f"{request.stage.id} asks for {limit_text(asked)} of memory "
            f"({request.limits.sources['memory']}), and this machine has {limit_text(total)}. "
            "Lower it with --memory, or use a larger machine."
        )
        raise NotAdmittedError(msg)


def _wait(
    take: Callable[[], _Refusal | None],
    stage_id: str,
    deadline: float,
    stopped: Callable[[], str | None],
    emit: Observer,
) -> None:
    """Try until it succeeds, or the deadline is over; a stage of this call is waited for anyway."""
    told: set[WaitsFor] = set()
    began = time.monotonic()
    while (refusal := take()) is not None:
        if who := stopped():
            msg = f"not started: cancelled by {who} while waiting for a place"
            raise CancelledError(msg)
        if time.monotonic() >= deadline and not refusal.ours:
            msg = f"{refusal.reason}. {refusal.advice}"
            raise NotAdmittedError(msg)
        # While memory is short it is beside the point that the places are taken at the moment, too.
        if refusal.waits_for not in told and WaitsFor.RESOURCE not in told:
            told.add(refusal.waits_for)
            emit(StageWaiting(stage=stage_id, reason=refusal.reason, waits_for=refusal.waits_for))
        # File locks tell nobody when they are free, and a place that nobody takes is lost time.
        waited = time.monotonic() - began
        time.sleep(min(LONGEST_PAUSE_SECONDS, max(SHORTEST_PAUSE_SECONDS, waited / 20)))


def _memory_taker(
    request: Request, asked: int | None, host: Host, held: contextlib.ExitStack
) -> Callable[[], _Refusal | None]:
    from runner.run.memory_promises import promise

    def take() -> _Refusal | None:
        shortage = None if asked is None else promise(request, asked, host.identity, held)
        advice = "Wait until there is more (--wait), or lower its limit with --memory."
        return _Refusal(shortage.reason, advice, shortage.ours) if shortage else None

    return take


class _Places:
    """The places of this machine. Only the one that is taken stays open: many wait for many."""

    def __init__(self, request: Request, held: contextlib.ExitStack) -> None:
        self._limit = request.project.settings.limits.stages_at_once
        self._taken: int | None = None
        self._has_stood_back = False
        held.callback(self._close)

    def take(self) -> _Refusal | None:
        """Lock the first free one."""
        folder = runtime_folder("slots")
        if any(self._try(folder / f"{number}.lock") for number in range(self._limit)):
            return None
        return _Refusal(
            f"{self._limit} stages run at once here already (stagerun.yaml: limits.stages_at_once)",
            "Wait for one to end (--wait), or raise it.",
            # The place that it gave back may have gone to another stage of this call.
            ours=self._has_stood_back,
            waits_for=WaitsFor.PLACE,
        )

    def _try(self, place: Path) -> bool:
        descriptor = _opened(place)
        if try_lock(descriptor):
            self._taken = descriptor
            return True
        os.close(descriptor)
        return False

    def give_back(self) -> None:
        """Let go of the one that was taken, if one was."""
        if self._taken is not None:
            self._close()
            self._has_stood_back = True

    def _close(self) -> None:
        if self._taken is not None:
            # A process that was forked meanwhile has the descriptor too, and would keep the lock.
            unlock(self._taken)
            os.close(self._taken)
            self._taken = None


def _opened(place: Path) -> int:
    try:
        return open_regular(place, os.O_RDWR | os.O_CREAT)
    except OSError as problem:
        raise NotAdmittedError(unusable(place, f"cannot be opened: {problem.strerror}")) from None
