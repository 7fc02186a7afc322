"""May this run start now? Disk, memory, GPUs, and how many stages run at once on this machine."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

from runner.errors import GpuUnavailableError, NotAdmittedError
from runner.events import Observer
from runner.host.machine import memory_total_bytes
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.project.quantity import limit_text
from runner.run.places import Candidate
from runner.run.request import Host, Request

if TYPE_CHECKING:
    from runner.run.gpu_request import GpuRequest

GPU_PATIENCE_SECONDS: Final = 2.0
"""How long a GPU is held at first while there is no place: between two stages there soon is one."""

MORE_PATIENCE: Final = 4
"""How many times longer after each that was in vain: both are had together in the end."""


@contextlib.contextmanager
def admit(
    request: Request, job: Job, host: Host, stopped: Callable[[], str | None], emit: Observer
) -> Iterator[Request]:
    """The request with the GPUs that it has, and a place among the stages that run at once.

    Both are held for the time of the block; ``stopped`` names who wants them no more. Raises
    DiskFullError or NotAdmittedError, with the numbers, and CancelledError; where a GPU is asked
    for also GpuUnavailableError, SettingsError and JobFolderError.
    """
    # A call that finds everything done starts quicker without it.
    from runner.run.memory_promises import expected_bytes

    entry = read_entries(job).get(request.stage.id)
    _check_machine(request, job, entry, host)
    candidate = Candidate(
        request=request,
        memory=expected_bytes(request, job, entry),
        runner=host.identity,
        stopped=stopped,
        emit=emit,
    )
    with contextlib.ExitStack() as held:
        if request.gpu is None:
            held.enter_context(candidate.place())
            admitted = request
        else:
            admitted = held.enter_context(_with_gpus(candidate, request.gpu, job, host))
        if candidate.has_waited:
            # Others have written to the disks meanwhile.
            _check_machine(request, job, entry, host)
        yield admitted


@contextlib.contextmanager
def _with_gpus(candidate: Candidate, gpu: "GpuRequest", job: Job, host: Host) -> Iterator[Request]:
    """GPUs first, then a place: who waits for a GPU takes no place from who needs none.

    Who may wait long for the place lets others have the GPUs meanwhile. When there is a place, it
    has its old turn; if they are not free then, it stands in line for them once more.
    """
    from runner.run.gpu_request import claimant_of, reserve

    def gpus(wait_seconds: float | None) -> AbstractContextManager[Request]:
        return reserve(
            candidate.request,
            gpu,
            claimant,
            job,
            host,
            wait_seconds=wait_seconds,
            stopped=candidate.stopped,
            emit=candidate.tell,
        )

    claimant, patience = claimant_of(candidate.request, job), GPU_PATIENCE_SECONDS
    with contextlib.ExitStack() as held:
        granted = held.enter_context(gpus(candidate.seconds_left))
        while not held.enter_context(candidate.place(within=patience)):
            held.close()
            held.enter_context(candidate.place())
            try:
                granted = held.enter_context(gpus(None))
                break
            except GpuUnavailableError:
                if not candidate.seconds_left:
                    raise
            held.close()
            patience *= MORE_PATIENCE
            granted = held.enter_context(gpus(candidate.seconds_left))
        yield granted


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
