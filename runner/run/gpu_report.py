"""Where the GPUs of this machine stand: what each has left, who holds it, who waits behind whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from runner.errors import GpuUnavailableError
from runner.gpu.account import Account, accounts
from runner.gpu.box import GpuBox, Look
from runner.gpu.ledger import now
from runner.gpu.placement import GpuMemory, Wish, older_than, place
from runner.gpu.reservation import Reservation, State
from runner.host.cgroup import read_text
from runner.host.gpu import Inventory
from runner.host.nvml import DEADLINE_SECONDS, GpuReading, Nvml, NvmlCallError, nvml_session

NANOSECONDS: Final = 1_000_000_000


class GpuHealth(StrEnum):
    """How a GPU stands: ``SICK`` and ``WITHHELD`` ones answer, and are granted to no run."""

    OK = "ok"
    SICK = "sick"
    WITHHELD = "withheld"
    SILENT = "silent"


@dataclass(frozen=True, kw_only=True)
class RunOnGpu:
    """A run that has memory of a GPU, in bytes; ``ended`` where it is over and that stayed."""

    stage: str
    job: str
    user: str
    run_id: str | None
    memory_bytes: int
    ended: bool = False


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """A process that is no run's; its name and its memory in bytes are None where nobody tells."""

    pid: int
    name: str | None
    memory_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class GpuStatus:
    """One GPU: bytes, watts, degrees Celsius, joules since the driver was loaded; None is unknown.

    ``index`` or ``uuid`` is None where a GPU does not answer: the driver then tells one of them.
    ``number`` is the index, and of one that is split into instances also which of them: ``0:1``.
    ``reserved_bytes`` is what runs have a right to, ``strangers_bytes`` what everything else holds,
    the driver included, and ``free_bytes`` what a run can have now. ``utilisation`` is 0 to 1.
    """

    index: int | None
    uuid: str | None
    number: str | None = None
    name: str | None = None
    health: GpuHealth = GpuHealth.OK
    detail: str | None = None
    memory_total_bytes: int | None = None
    memory_used_bytes: int | None = None
    reserved_bytes: int | None = None
    strangers_bytes: int | None = None
    free_bytes: int | None = None
    utilisation: float | None = None
    power_watts: float | None = None
    temperature_celsius: int | None = None
    energy_joules: float | None = None
    runs: tuple[RunOnGpu, ...] = ()
    strangers: tuple[Stranger, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WaitingRun:
    """A run that waits for memory on each of ``gpus`` GPUs, in bytes, and for how long it has.

    The memory is None while there are not as many GPUs that can be used. ``whole`` is whether it
    wants them for itself; ``behind`` are the names of the runs that are in its way. Without any it
    is other programs that are.
    """

    stage: str
    job: str
    user: str
    seconds: float
    memory_bytes: int | None
    gpus: int = 1
    whole: bool = False
    behind: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GpuReport:
    """All GPUs, and the line before them; ``absence`` says why there are no GPUs.

    ``problems`` are sentences on what could not be found out, with what to do about it.
    """

    driver_version: str | None = None
    gpus: tuple[GpuStatus, ...] = ()
    waiting: tuple[WaitingRun, ...] = ()
    absence: str | None = None
    problems: tuple[str, ...] = field(default=())


def gpu_report(
    box: GpuBox, nvml: Nvml | None = None, *, deadline_seconds: float = DEADLINE_SECONDS
) -> GpuReport:
    """Look at the GPUs and their ledger; without either the report says so. Raises nothing."""
    found = box.inventory()
    look, problems = _look(box, found)
    there = accounts(found.gpus, look.entries, box.head_room_bytes, box.is_member)
    left_out = {uuid: _left_out(uuid, box, look) for uuid in there}
    usable = {uuid: account for uuid, account in there.items() if not left_out[uuid]}
    readings = _readings(tuple(there), nvml, deadline_seconds)
    gpus = [_status(account, readings[uuid], left_out[uuid]) for uuid, account in there.items()]
    gpus += [
        GpuStatus(index=fault.index, uuid=None, health=GpuHealth.SILENT, detail=fault.detail)
        for fault in found.faults
    ]
    gpus += _gone(there, look.entries)
    return GpuReport(
        driver_version=found.gpus[0].driver_version if found.gpus else None,
        gpus=_numbered(sorted(gpus, key=lambda gpu: (gpu.index is None, gpu.index or 0))),
        waiting=tuple(_waiting(look.entries, usable)),
        absence=None if found.gpus else found.detail or "the machine offers no GPU",
        problems=(*problems, *_unknown(box, found)),
    )


def _look(box: GpuBox, found: Inventory) -> tuple[Look, list[str]]:
    """What the ledger says; all GPUs are looked at, whichever may be used."""
    whole = replace(box, only=None, inventory=lambda: found)
    try:
        return whole.look(), []
    except GpuUnavailableError as problem:
        return Look(inventory=found, entries=(), accounts={}, sick={}), [str(problem)]


def _unknown(box: GpuBox, found: Inventory) -> list[str]:
    there = {gpu.uuid for gpu in found.gpus}
    return [
        f"stagerun.yaml names {uuid} under gpu: only, and no GPU with that UUID answers. "
        "Correct it there, or see why it does not."
        for uuid in box.only or ()
        if uuid not in there
    ]


def _left_out(uuid: str, box: GpuBox, look: Look) -> tuple[GpuHealth, str] | None:
    if uuid in look.sick:
        return GpuHealth.SICK, look.sick[uuid]
    if box.only is not None and uuid not in box.only:
        return GpuHealth.WITHHELD, "stagerun.yaml does not name it under gpu: only"
    return None


def _readings(
    uuids: Sequence[str], nvml: Nvml | None, deadline_seconds: float
) -> dict[str, GpuReading | str]:
    """What each GPU says of itself, or why it says nothing."""
    found: dict[str, GpuReading | str] = {}
    if not uuids:
        return found
    try:
        with nvml_session(nvml, deadline_seconds=deadline_seconds) as session:
            for uuid in uuids:
                try:
                    found[uuid] = session.reading(uuid)
                except NvmlCallError as error:
                    found[uuid] = str(error)
    except NvmlCallError as error:
        found |= {uuid: str(error) for uuid in uuids if uuid not in found}
    return found


def _status(
    account: Account, reading: GpuReading | str, left_out: tuple[GpuHealth, str] | None
) -> GpuStatus:
    health, detail = left_out or (GpuHealth.OK, None)
    if isinstance(reading, str):
        health, detail, reading = GpuHealth.SILENT, reading, GpuReading()
    gpu = account.gpu
    usable = health is GpuHealth.OK
    return GpuStatus(
        index=gpu.index,
        uuid=gpu.uuid,
        name=gpu.name,
        health=health,
        detail=detail,
        memory_total_bytes=gpu.memory_total_bytes,
        memory_used_bytes=gpu.memory_used_bytes,
        reserved_bytes=account.reserved_bytes,
        strangers_bytes=None if gpu.memory_used_bytes is None else account.strangers_bytes,
        free_bytes=account.free_bytes if usable else 0,
        utilisation=reading.utilisation,
        power_watts=reading.power_watts,
        temperature_celsius=reading.temperature_celsius,
        energy_joules=reading.energy_joules,
        runs=tuple(_run(entry, gpu.uuid) for entry in account.entries),
        strangers=tuple(
            Stranger(pid=it.pid, name=_process_name(it.pid), memory_bytes=it.memory_bytes)
            for it in account.strangers
        ),
    )


def _gone(there: Mapping[str, Account], entries: Sequence[Reservation]) -> list[GpuStatus]:
    """GPUs that runs still hold, and that no longer answer with their UUID."""
    held = [entry for entry in entries if entry.state is not State.WAITING]
    missing = dict.fromkeys(uuid for entry in held for uuid in entry.shares if uuid not in there)
    return [
        GpuStatus(
            index=None,
            uuid=uuid,
            health=GpuHealth.SILENT,
            detail="it does not answer, and runs hold it",
            runs=tuple(_run(entry, uuid) for entry in held if uuid in entry.shares),
        )
        for uuid in missing
    ]


def _numbered(gpus: Sequence[GpuStatus]) -> tuple[GpuStatus, ...]:
    """With the numbers under which engines know them, too."""
    found: list[GpuStatus] = []
    for gpu in gpus:
        alike = [other for other in gpus if other.index == gpu.index]
        number = str(gpu.index) if len(alike) == 1 else f"{gpu.index}:{alike.index(gpu)}"
        found.append(replace(gpu, number=None if gpu.index is None else number))
    return tuple(found)


def _run(entry: Reservation, uuid: str) -> RunOnGpu:
    return RunOnGpu(
        stage=entry.stage,
        job=entry.job,
        user=entry.user,
        run_id=entry.run_id,
        memory_bytes=entry.shares[uuid],
        ended=entry.state in {State.KEPT, State.OUTLIVED},
    )


def _waiting(entries: Sequence[Reservation], usable: Mapping[str, Account]) -> list[WaitingRun]:
    """Those that wait, the first in the line at the front."""
    return [
        WaitingRun(
            stage=entry.stage,
            job=entry.job,
            user=entry.user,
            seconds=max(0, now() - entry.since) / NANOSECONDS,
            memory_bytes=_claimed_bytes(entry),
            gpus=entry.count,
            whole=entry.whole,
            behind=_behind(entry, entries, usable),
        )
        for entry in entries
        if entry.state is State.WAITING
    ]


def _behind(
    entry: Reservation, entries: Sequence[Reservation], usable: Mapping[str, Account]
) -> tuple[str, ...]:
    """Whom it would be told that it waits for."""
    claimed = _claimed_bytes(entry)
    if claimed is None:
        return ()
    memory: GpuMemory = "all" if entry.whole else claimed
    wish = Wish(count=entry.count, memory=memory)
    placement = place(wish, usable, older_than(entry.ticket, entries))
    return tuple(other.name for other in placement.behind)


def _claimed_bytes(entry: Reservation) -> int | None:
    """What it waits for on each GPU; None while it has too few to wait for."""
    return max(entry.shares.values()) if len(entry.shares) == max(1, entry.count) else None


def _process_name(pid: int) -> str | None:
    text = read_text(Path("/proc") / str(pid) / "comm")
    return text.strip() if text else None
