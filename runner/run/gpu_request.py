"""What a run asks of the machine's GPUs, on what ground, and getting it."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runner.errors import GpuUnavailableError, JobFolderError
from runner.events import Observer, StageWaiting
from runner.gpu.box import GpuBox
from runner.gpu.learnt import usual_folder as learnt_folder
from runner.gpu.ledger import Ledger
from runner.gpu.ledger_folder import usual_folder
from runner.gpu.peaks import Peak, PeakKey, peaks
from runner.gpu.placement import Wish
from runner.gpu.reservation import State
from runner.gpu.reserving import Claimant, reserved, taken_over
from runner.host.gpu import Grant, Inventory, withheld
from runner.job.folder import Job
from runner.project.config import ResolvedLimits, Value
from runner.project.settings import GpuSharing
from runner.project.stage import StageSpec

if TYPE_CHECKING:
    from pathlib import Path

    from runner.run.request import Host, Request

NOTHING_KNOWN = "nothing known of its need: a GPU without other runs"


@dataclass(frozen=True, kw_only=True)
class GpuRequest:
    """What a run asks for; ``source`` is where that was set, or how it was learnt.

    ``peaks`` are the most that earlier runs took, by the GPU's model, whatever is asked for.
    """

    wish: Wish
    source: str
    key: PeakKey
    peaks: Mapping[str, Peak] = field(default_factory=dict)


def gpu_box(sharing: GpuSharing, host: "Host") -> GpuBox:
    """The GPUs that the engine hands out, as the site's settings share them."""

    def inventory() -> Inventory:
        found = host.inventory()
        return withheld(found, host.engine.why_no_gpus()) if found.gpus else found

    return replace(machine_box(sharing, host), inventory=inventory)


def machine_box(sharing: GpuSharing, host: "Host") -> GpuBox:
    """The GPUs of the machine, whatever its engine can do with them; no engine is asked."""
    return GpuBox(
        ledger=Ledger(folder=sharing.ledger or usual_folder(), me=host.identity),
        inventory=host.inventory,
        head_room_bytes=sharing.head_room,
        only=sharing.only,
    )


def notes_folder(sharing: GpuSharing) -> "Path":
    """Where what was learnt of stages lies."""
    return sharing.learnt or learnt_folder()


def gpu_request(
    stage: StageSpec,
    image: str,
    models: Mapping[str, Mapping[str, str]],
    config: Mapping[str, Value],
    limits: ResolvedLimits,
    sharing: GpuSharing,
) -> GpuRequest:
    """The request of a stage; ``image`` is its digest, ``models`` the digests of their files."""
    values = limits.values
    key = PeakKey(
        stage=stage.id,
        image=image,
        models={
            f"{name} {file}": it for name, files in models.items() for file, it in files.items()
        },
        settings={name: str(config[name].value) for name in decisive_settings(stage)},
    )
    known = peaks(notes_folder(sharing), key)
    if values.gpu_memory is not None:
        source, learnt = limits.sources["gpu_memory"], {}
    else:
        learnt = {name: peak.request_bytes for name, peak in known.items()}
        runs = ", ".join(dict.fromkeys(peak.run_id for peak in known.values()))
        source = f"learnt from run {runs}" if known else NOTHING_KNOWN
    wish = Wish(count=values.gpus or 1, memory=values.gpu_memory, learnt=learnt)
    return GpuRequest(wish=wish, source=source, key=key, peaks=known)


def decisive_settings(stage: StageSpec) -> tuple[str, ...]:
    """The settings on which the GPU memory depends; where nothing is said of that, all."""
    if stage.gpu_memory_depends_on is not None:
        return stage.gpu_memory_depends_on
    changed = {
        change.name
        for rule in stage.retry
        if "oom_gpu" in rule.on
        for change in rule.changes
        if change.name in stage.config
    }
    used = {key for model in stage.models for key in (*model.when, *_keys_of(model.folder))}
    return tuple(sorted(changed | used)) if changed else tuple(sorted(stage.config))


def _keys_of(folder: str) -> list[str]:
    from string import Formatter

    return [name for _, name, _, _ in Formatter().parse(folder) if name]


def claimant_of(request: "Request", job: Job) -> Claimant:
    """The run as the ledger names it, with a turn from now on."""
    return Claimant(stage=request.stage.id, job=str(job.root))


@contextlib.contextmanager
def reserve(
    request: "Request",
    asked: GpuRequest,
    claimant: Claimant,
    job: Job,
    host: "Host",
    *,
    wait_seconds: float | None,
    stopped: Callable[[], str | None],
    emit: Observer,
) -> Iterator["Request"]:
    """The request with the memory of GPUs that it has for the time of the block.

    It is waited for as ``reserved`` does. Raises GpuUnavailableError, CancelledError,
    SettingsError, and JobFolderError for a job that is removed meanwhile.
    """

    def stopped_or_gone() -> str | None:
        if not job.file.exists() and not job.root.is_dir():
            msg = f"{job.root} was removed while {request.stage.id} waited for a GPU. Make it anew."
            raise JobFolderError(msg)
        return stopped()

    box = gpu_box(request.project.settings.gpu, host)
    with reserved(
        asked.wish,
        claimant,
        box,
        wait_seconds=wait_seconds,
        stopped=stopped_or_gone,
        waiting=lambda reason: emit(StageWaiting(stage=request.stage.id, reason=reason)),
    ) as held:
        shares = held.entry.shares
        grant = Grant(uuids=tuple(shares), shares=tuple(shares.values()), names=held.names)
        yield replace(request, grant=grant, held=held)


@contextlib.contextmanager
def reserved_again(
    request: "Request", job: Job, host: "Host", run_id: str, container_id: str
) -> Iterator["Request"]:
    """The request of a run that is adopted, with the memory that its container has.

    Raises GpuUnavailableError where the ledger cannot be used.
    """
    shares = dict(zip(request.grant.uuids, request.grant.shares, strict=False))
    held = taken_over(
        shares or dict.fromkeys(request.grant.uuids, 0),
        claimant_of(request, job),
        run_id,
        container_id,
        gpu_box(request.project.settings.gpu, host),
    )
    try:
        yield replace(request, held=held)
    finally:
        held.give_back()


def give_up(sharing: GpuSharing, host: "Host", container_ids: Collection[str]) -> None:
    """Give back what containers had that are gone, if the ledger can be used."""
    ledger = machine_box(sharing, host).ledger
    with contextlib.suppress(GpuUnavailableError), ledger.turn():
        for entry in ledger.entries():
            if entry.container_id in container_ids and entry.state is not State.KEPT:
                ledger.remove(entry.id)
