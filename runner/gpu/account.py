"""What of each GPU is whose, and how much is free: the driver's figures and the ledger together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runner.gpu.reservation import Reservation, State
from runner.host.nvml import Gpu, GpuProcess

# What a driver counts with one process more or less differs by some pages.
TOLERANCE_BYTES: Final = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Account:
    """One GPU, in bytes; None where the driver does not tell its memory.

    ``reserved_bytes`` is what the entries have a right to, or hold beyond it, ``held_bytes`` what
    their processes hold of it, and ``strangers_bytes`` what everything else has: the driver too.
    """

    gpu: Gpu
    entries: tuple[Reservation, ...] = ()
    strangers: tuple[GpuProcess, ...] = ()
    reserved_bytes: int = 0
    held_bytes: int = 0
    strangers_bytes: int = 0
    head_room_bytes: int = 0

    @property
    def largest_bytes(self) -> int | None:
        """What a run can ever have: all but the head room and what the driver keeps for itself."""
        total = self.gpu.memory_total_bytes
        if total is None:
            return None
        return max(0, total - self.head_room_bytes - self.gpu.memory_reserved_bytes)

    @property
    def lone_bytes(self) -> int | None:
        """What a run can have as soon as no other one is there, and nothing else that computes.

        What draws a screen stays, and so does memory that no process is said to have, which cannot
        be told from others' where the driver does not say of each process what it has.
        """
        total, largest = self.gpu.memory_total_bytes, self.largest_bytes
        if total is None or largest is None or self.gpu.memory_used_bytes is None:
            return None
        if not is_told(self.gpu):
            return largest
        drawing = sum(it.memory_bytes or 0 for it in self.strangers if not it.computes)
        staying = self.head_room_bytes + unlisted_bytes(self.gpu) + drawing
        return max(0, min(largest, total - staying))

    @property
    def has_computing_strangers(self) -> bool:
        """Whether a program computes there that is no run."""
        return any(process.computes for process in self.strangers)

    @property
    def room_bytes(self) -> int | None:
        """What runs can have when no other run has any."""
        if self.gpu.memory_total_bytes is None or self.gpu.memory_used_bytes is None:
            return None
        taken = self.strangers_bytes + self.head_room_bytes
        return max(0, self.gpu.memory_total_bytes - taken)

    @property
    def free_bytes(self) -> int | None:
        """What a run can have now: nothing where another one was to be alone."""
        room = 0 if any(entry.is_alone for entry in self.entries) else self.room_bytes
        return None if room is None else max(0, room - self.reserved_bytes)


def account(
    gpu: Gpu,
    entries: Iterable[Reservation],
    head_room_bytes: int,
    is_member: Callable[[int, str], bool],
) -> Account:
    """The account of one GPU; ``is_member`` tells whether a process is one of a container's.

    Of a process whose memory the driver does not tell, the reservation is taken for what it holds.
    """
    ours = tuple(
        entry for entry in entries if entry.state is not State.WAITING and gpu.uuid in entry.shares
    )
    held = dict.fromkeys((entry.id for entry in ours), 0)
    strangers = []
    for process in gpu.processes:
        owner = next((entry for entry in ours if _has(entry, process.pid, is_member)), None)
        if owner is None:
            strangers.append(process)
        elif process.memory_bytes is None:
            held[owner.id] = max(held[owner.id], owner.shares[gpu.uuid])
        else:
            held[owner.id] += process.memory_bytes
    for entry in ours:
        if entry.is_lost:
            held[entry.id] = min(entry.shares[gpu.uuid], more_unlisted_bytes(gpu, entry))
    sum_held = sum(held.values())
    return Account(
        gpu=gpu,
        entries=ours,
        strangers=tuple(strangers),
        reserved_bytes=sum(max(entry.shares[gpu.uuid], held[entry.id]) for entry in ours),
        held_bytes=sum_held,
        strangers_bytes=max(0, (gpu.memory_used_bytes or 0) - sum_held),
        head_room_bytes=head_room_bytes,
    )


def _has(entry: Reservation, pid: int, is_member: Callable[[int, str], bool]) -> bool:
    if entry.state is State.KEPT:
        return pid in entry.holders
    return entry.container_id is not None and is_member(pid, entry.container_id)


def more_unlisted_bytes(gpu: Gpu, entry: Reservation) -> int:
    """Memory that no process is said to have, beyond what there was of it before a run."""
    return max(0, unlisted_bytes(gpu) - entry.unlisted_bytes.get(gpu.uuid, 0))


def unlisted_bytes(gpu: Gpu) -> int:
    """Memory that is in use, and that no process is said to have."""
    listed = sum(process.memory_bytes or 0 for process in gpu.processes)
    return max(0, (gpu.memory_used_bytes or 0) - listed)


def is_told(gpu: Gpu) -> bool:
    """Whether the driver tells of each process there how much it has."""
    return all(process.memory_bytes is not None for process in gpu.processes)


def has_returned(entry: Reservation, gpus: Mapping[str, Gpu]) -> bool:
    """Whether what a run had left on GPUs is free again; of a GPU that is gone nothing is left."""
    there = [gpus[uuid] for uuid in entry.shares if uuid in gpus]
    if entry.holders:
        return not any(process.pid in entry.holders for gpu in there for process in gpu.processes)
    return all(more_unlisted_bytes(gpu, entry) <= TOLERANCE_BYTES for gpu in there)


def accounts(
    gpus: Sequence[Gpu],
    entries: Sequence[Reservation],
    head_room_bytes: int,
    is_member: Callable[[int, str], bool],
) -> dict[str, Account]:
    """The account of each GPU, by UUID."""
    return {gpu.uuid: account(gpu, entries, head_room_bytes, is_member) for gpu in gpus}
