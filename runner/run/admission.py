"""May this run start now? Disk, memory, GPUs, and how many stages run at once on this machine."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from runner.errors import NotAdmittedError
from runner.events import Observer
from runner.host.machine import memory_total_bytes
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.project.quantity import limit_text
from runner.run.places import Queue
from runner.run.request import Host, Request

if TYPE_CHECKING:
    from runner.run.gpu_request import GpuRequest

GPU_PATIENCE_SECONDS: Final = 2.0
"""How long a GPU is held at first while there is no place: between two stages there soon is one."""


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
    queue = Queue(
        request=request,
        memory=expected_bytes(request, job, entry),
        runner=host.identity,
        stopped=stopped,
        emit=emit,
    )
    if request.gpu is None:
        with queue.place():
            yield request
    else:
        with _with_gpus(request, request.gpu, job, host, queue) as granted:
            yield granted


@contextlib.contextmanager
def _with_gpus(
    request: Request, gpu: "GpuRequest", job: Job, host: Host, queue: Queue
) -> Iterator[Request]:
    """GPUs first, then a place: who waits for a GPU takes no place from who needs none.

    Who waits long for the place gives the GPUs back meanwhile, and has its old turn again when
    there is one. Each time it holds them for twice as long, so that in the end it gets both.
    """
    from runner.gpu.ledger import now
    from runner.run.gpu_request import reserve

    ticket, patience = now(), GPU_PATIENCE_SECONDS
    while True:
        with (
            reserve(request, gpu, job, host, queue, ticket) as granted,
            queue.place_within(patience) as has_place,
        ):
            if has_place:
                yield granted
                return
        with queue.place():
            patience *= 2


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
