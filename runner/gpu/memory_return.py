"""Has the memory of a run that ended come back? What has not stays reserved until it has."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from runner.gpu.account import TOLERANCE_BYTES, is_told, more_unlisted_bytes
from runner.gpu.reserving import Held
from runner.host.nvml import Gpu

# What a driver needs to tear down the context of a process that was killed.
GRACE_SECONDS: Final = 5.0
LOOK_EVERY_SECONDS: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Memory of one GPU that a run left behind: by these processes, or by none that is known."""

    gpu: Gpu
    bytes: int
    holders: tuple[int, ...]


def check_return(
    held: Held, pids: Collection[int], *, grace_seconds: float = GRACE_SECONDS
) -> list[Kept]:
    """What did not come back of a run whose container has ended; it is left on the ledger.

    One that lives after all, as when its engine went away, has left nothing behind yet. ``pids``
    are the processes of the container that were seen on its GPUs. Raises GpuUnavailableError where
    the ledger cannot be used.
    """
    end = time.monotonic() + grace_seconds
    while kept := _kept(held, pids):
        if time.monotonic() >= end:
            break
        time.sleep(LOOK_EVERY_SECONDS)
    if not kept or held.container_lives:
        return []
    holders = tuple(sorted({pid for one in kept for pid in one.holders}))
    held.keep({one.gpu.uuid: one.bytes for one in kept}, holders)
    return kept


def _kept(held: Held, pids: Collection[int]) -> list[Kept]:
    gpus = [gpu for gpu in held.box.inventory().gpus if gpu.uuid in held.entry.shares]
    found = (_kept_on(gpu, held, pids) for gpu in gpus)
    return [kept for kept in found if kept is not None]


def _kept_on(gpu: Gpu, held: Held, pids: Collection[int]) -> Kept | None:
    mine = [process for process in gpu.processes if process.pid in pids]
    if mine:
        share = held.entry.shares[gpu.uuid]
        size = sum(share if it.memory_bytes is None else it.memory_bytes for it in mine)
        return Kept(gpu=gpu, bytes=size, holders=tuple(process.pid for process in mine))
    more = more_unlisted_bytes(gpu, held.entry)
    if not pids or more <= TOLERANCE_BYTES or not is_told(gpu) or not _is_alone(gpu, held):
        return None
    return Kept(gpu=gpu, bytes=more, holders=())


def _is_alone(gpu: Gpu, held: Held) -> bool:
    """Whether no other run had memory there, or left some: only then it is clear whose it is."""
    account = held.box.look().accounts.get(gpu.uuid)
    return account is not None and all(entry.id == held.entry.id for entry in account.entries)
