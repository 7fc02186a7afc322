"""The GPUs of this machine, and what a run was granted of them.

GPUs are named by UUID everywhere: numbers change with the boot and with what a container sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from runner.host.granted_gpus import LOST
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
    "GpuProcess",
    "GpuReading",
    "Grant",
    "Inventory",
    "inventory",
    "lost",
    "withheld",
]


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
_NO_INSTANCE: Final = "its GPUs are in MIG mode and have no instances, without which none computes"
_PROVES_NO_LOSS: Final = frozenset(
    {Absence.ERROR, Absence.LIBRARY_NOT_FOUND, Absence.NOT_ANSWERING}
)


@dataclass(frozen=True, slots=True)
class GpuFault:
    """A GPU that the driver counts and that does not answer; ``code`` is NVML's."""

    index: int
    detail: str
    code: int


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
    """The GPUs that a run may use, by UUID, with bytes and the model's name for each.

    ``fallback_reason`` is set when it gets none of those that it would have liked.
    """

    uuids: tuple[str, ...] = ()
    fallback_reason: str | None = None
    shares: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


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
    count = session.count()
    for index in range(count):
        try:
            gpus.extend(session.describe(index, driver_version))
        except NvmlCallError as error:
            if error.code == NOT_ANSWERING:
                raise
            faults.append(GpuFault(index, str(error), error.code))
    if gpus:
        return Inventory(gpus=tuple(gpus), faults=tuple(faults))
    if faults:
        answers = "; ".join(f"GPU {fault.index}: {fault.detail}" for fault in faults)
        detail = f"no GPU answers ({answers})"
        return Inventory(faults=tuple(faults), absence=Absence.ERROR, detail=detail)
    detail = _NO_INSTANCE if count else _ABSENCE_TEXT[Absence.NO_DEVICE]
    return Inventory(absence=Absence.NO_DEVICE, detail=detail)


def withheld(found: Inventory, reason: str | None) -> Inventory:
    """What containers can be given of it; ``reason`` says why an engine gives them no GPU."""
    return Inventory(absence=Absence.ENGINE, detail=reason) if found.gpus and reason else found


def lost(uuids: Sequence[str], inventory: Inventory) -> tuple[str, ...] | None:
    """Which of the granted GPUs are gone in a fresh inventory; None when that cannot be told."""
    if inventory.absence in _PROVES_NO_LOSS and not inventory.faults:
        return None
    # Drivers fail now and then for other reasons, and of which GPU is not told.
    if any(fault.code not in LOST for fault in inventory.faults):
        return None
    present = {gpu.uuid for gpu in inventory.gpus}
    return tuple(uuid for uuid in uuids if uuid not in present)
