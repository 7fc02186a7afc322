"""The GPUs of this machine: what is there, and which one a stage is granted.

GPUs are named by UUID everywhere: numbers change with the boot and with what a container sees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from runner.errors import GpuUnavailableError
from runner.host.nvml import (
    DEADLINE_SECONDS,
    DRIVER_NOT_LOADED,
    LIBRARY_NOT_FOUND,
    NOT_ANSWERING,
    Gpu,
    GpuProcess,
    GpuReading,
    Nvml,
    NvmlCallError,
    NvmlSession,
    nvml_session,
)

__all__ = [
    "Absence",
    "Gpu",
    "GpuFault",
    "GpuNeed",
    "GpuProcess",
    "GpuReading",
    "Grant",
    "Inventory",
    "grant",
    "inventory",
    "lost",
    "withheld",
]

GpuNeed: TypeAlias = Literal["none", "optional", "required"]
NOTHING_PROMISED: Final[Mapping[str, int]] = MappingProxyType({})
GIB: Final = 1024**3


class Absence(StrEnum):
    """Why a machine, or the container engine on it, offers no GPU."""

    LIBRARY_NOT_FOUND = "library_not_found"
    DRIVER_NOT_LOADED = "driver_not_loaded"
    NO_DEVICE = "no_device"
    NOT_ANSWERING = "not_answering"
    ENGINE = "engine"
    ERROR = "error"


_ABSENCE_BY_CODE: Final = {
    LIBRARY_NOT_FOUND: Absence.LIBRARY_NOT_FOUND,
    DRIVER_NOT_LOADED: Absence.DRIVER_NOT_LOADED,
    NOT_ANSWERING: Absence.NOT_ANSWERING,
}
_ABSENCE_TEXT: Final = {
    Absence.LIBRARY_NOT_FOUND: "NVIDIA's management library libnvidia-ml.so.1 is not installed",
    Absence.DRIVER_NOT_LOADED: "NVIDIA's kernel driver is not loaded",
    Absence.NO_DEVICE: "NVIDIA's driver is loaded and finds no GPU",
}
_PROVES_NO_LOSS: Final = frozenset(
    {Absence.ERROR, Absence.LIBRARY_NOT_FOUND, Absence.NOT_ANSWERING}
)
_ADVICE: Final = "`stagerun doctor` shows what the machine offers"


@dataclass(frozen=True, slots=True)
class GpuFault:
    """A GPU that the driver counts and that does not answer."""

    index: int
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What is there: GPUs that answer, those that do not, or the reason why there are none.

    ``absence`` is None exactly when there is at least one GPU in ``gpus``; ``detail`` says the
    reason as a clause without a full stop.
    """

    gpus: tuple[Gpu, ...] = ()
    faults: tuple[GpuFault, ...] = ()
    absence: Absence | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """The GPUs that a run may use, by UUID; ``fallback_reason`` is set when it gets none of those
    that it would have liked.
    """

    uuids: tuple[str, ...] = ()
    fallback_reason: str | None = None


def inventory(nvml: Nvml | None = None, *, deadline_seconds: float = DEADLINE_SECONDS) -> Inventory:
    """The GPUs of this machine now, or the typed reason why there are none; raises nothing.

    A driver that does not answer a question within the deadline is taken for one without GPUs.
    """
    try:
        with nvml_session(nvml, deadline_seconds=deadline_seconds) as session:
            return _take_inventory(session)
    except NvmlCallError as error:
        absence = _ABSENCE_BY_CODE.get(error.code, Absence.ERROR)
        detail = _ABSENCE_TEXT.get(absence, f"NVIDIA's management library failed: {error}")
        if absence is Absence.NOT_ANSWERING:
            detail = f"NVIDIA's driver hangs: {error}"
        return Inventory(absence=absence, detail=detail)


def _take_inventory(session: NvmlSession) -> Inventory:
    driver_version = session.driver_version()
    gpus: list[Gpu] = []
    faults: list[GpuFault] = []
    for index in range(session.count()):
        try:
            gpus.append(session.describe(index, driver_version))
        except NvmlCallError as error:
            if error.code == NOT_ANSWERING:
                raise
            faults.append(GpuFault(index, str(error)))
    if gpus:
        return Inventory(gpus=tuple(gpus), faults=tuple(faults))
    if faults:
        answers = "; ".join(f"GPU {fault.index}: {fault.detail}" for fault in faults)
        detail = f"no GPU answers ({answers})"
        return Inventory(faults=tuple(faults), absence=Absence.ERROR, detail=detail)
    return Inventory(absence=Absence.NO_DEVICE, detail=_ABSENCE_TEXT[Absence.NO_DEVICE])


def withheld(found: Inventory, reason: str | None) -> Inventory:
    """What containers can be given of it; ``reason`` says why an engine gives them no GPU."""
    return Inventory(absence=Absence.ENGINE, detail=reason) if found.gpus and reason else found


def grant(
    need: GpuNeed,
    memory_bytes: int | None,
    inventory: Inventory,
    *,
    promised: Mapping[str, int] = NOTHING_PROMISED,
) -> Grant:
    """The GPU with the most free memory that fits the need, or a visible fallback to none.

    ``memory_bytes`` is what must be free, None for any amount. ``promised`` are bytes per UUID
    that other runs were granted and do not hold yet. Raises `GpuUnavailableError` where the need
    is ``required`` and nothing fits.
    """
    if need == "none":
        return Grant()
    free = {gpu.uuid: _free_bytes(gpu, promised) for gpu in inventory.gpus}
    fitting = [gpu for gpu in inventory.gpus if _fits(free[gpu.uuid], memory_bytes)]
    if fitting:
        best = max(fitting, key=lambda gpu: (free[gpu.uuid] or 0, -gpu.index))
        return Grant(uuids=(best.uuid,))
    if need == "optional":
        return Grant(fallback_reason=_why_not(memory_bytes, inventory, free))
    raise GpuUnavailableError(_refusal(memory_bytes, inventory, free))


def lost(uuids: Sequence[str], inventory: Inventory) -> tuple[str, ...] | None:
    """Which of the granted GPUs are gone in a fresh inventory; None when that cannot be told."""
    if inventory.absence in _PROVES_NO_LOSS and not inventory.faults:
        return None
    present = {gpu.uuid for gpu in inventory.gpus}
    return tuple(uuid for uuid in uuids if uuid not in present)


def _free_bytes(gpu: Gpu, promised: Mapping[str, int]) -> int | None:
    if gpu.memory_free_bytes is None:
        return None
    return max(0, gpu.memory_free_bytes - promised.get(gpu.uuid, 0))


def _fits(free_bytes: int | None, memory_bytes: int | None) -> bool:
    if memory_bytes is None:
        return True
    return free_bytes is not None and free_bytes >= memory_bytes


def _why_not(memory_bytes: int | None, inventory: Inventory, free: Mapping[str, int | None]) -> str:
    if not inventory.gpus:
        return inventory.detail or "the machine offers no GPU"
    asked = "" if memory_bytes is None else f" the {_gib(memory_bytes)} that were asked for"
    offers = ", ".join(_offer(gpu, free[gpu.uuid]) for gpu in inventory.gpus)
    return f"no GPU has{asked} free: {offers}"


def _refusal(memory_bytes: int | None, inventory: Inventory, free: Mapping[str, int | None]) -> str:
    asked = "a GPU" if memory_bytes is None else f"a GPU with {_gib(memory_bytes)} of free memory"
    reason = _why_not(memory_bytes, inventory, free)
    if inventory.gpus:
        remedy = "Wait until GPU memory is free, or lower gpu_memory"
    elif inventory.absence is Absence.ENGINE:
        remedy = "Use Docker (unset DOCKER_HOST), or a newer Podman"
    elif inventory.absence is Absence.NOT_ANSWERING:
        remedy = "Look for the driver's messages (dmesg | grep NVRM), and restart the machine"
    else:
        remedy = "Install or load the NVIDIA driver, or use a machine that has a GPU"
    sentences = (
        f"The stage requires {asked}, and this machine cannot grant one.",
        f"{reason[0].upper()}{reason[1:]}.",
        f"{remedy}; {_ADVICE}.",
    )
    return " ".join(sentences)


def _offer(gpu: Gpu, free_bytes: int | None) -> str:
    if free_bytes is None or gpu.memory_total_bytes is None:
        return f"GPU {gpu.index} ({gpu.name}) does not tell its memory"
    return f"GPU {gpu.index} ({gpu.name}) {_gib(free_bytes)} of {_gib(gpu.memory_total_bytes)}"


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / GIB:.1f} GiB"
