"""The border to NVML: calls become values, and its errors one error that stays in `runner.host`.

The library is opened in `nvml_session` only and closed with it. Process ids are the host's.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar, cast

from runner.host.mig import instances
from runner.host.nvml_calls import (
    DEADLINE_SECONDS,
    DRIVER_NOT_LOADED,
    FUNCTION_NOT_FOUND,
    GPU_IS_LOST,
    LIBRARY_NOT_FOUND,
    MEMORY_V2,
    NO_FIGURE,
    NOT_ANSWERING,
    NOT_SUPPORTED,
    UNKNOWN,
    CallThread,
    Nvml,
    NvmlCallError,
    Process,
    call_thread,
    translated,
)
from runner.host.xids import Xid, XidWatch, free, gather

__all__ = [
    "DEADLINE_SECONDS",
    "DRIVER_NOT_LOADED",
    "FUNCTION_NOT_FOUND",
    "GPU_IS_LOST",
    "LIBRARY_NOT_FOUND",
    "NOT_ANSWERING",
    "NOT_SUPPORTED",
    "UNKNOWN",
    "Gpu",
    "GpuProcess",
    "GpuReading",
    "Nvml",
    "NvmlCallError",
    "NvmlSession",
    "Xid",
    "XidWatch",
    "nvml_session",
]

# "Not available", as NVML writes it into a number of 32 and of 64 bits.
_NOT_AVAILABLE: Final = frozenset({2**32 - 1, 2**64 - 1})
_GPU_SENSOR: Final = 0

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """One GPU of this machine; memory in bytes, None where the driver does not tell.

    ``memory_reserved_bytes`` is what the driver keeps for itself, as far as it tells; used has it
    too. ``minor`` is the number of its device node, ``/dev/nvidia<minor>``.
    """

    uuid: str
    index: int
    name: str
    memory_total_bytes: int | None
    memory_used_bytes: int | None
    driver_version: str
    memory_reserved_bytes: int = 0
    minor: int | None = None
    processes: tuple["GpuProcess", ...] = ()


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that holds a GPU; its memory in bytes is None where the driver does not tell.

    ``computes`` is false of one that draws only, as those of a screen do.
    """

    pid: int
    memory_bytes: int | None
    computes: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuReading:
    """One look at one GPU as a whole; None where the driver does not tell.

    ``utilisation`` is from 0 to 1, ``energy_joules`` counts since the driver was loaded.
    """

    utilisation: float | None = None
    processes: tuple[GpuProcess, ...] | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_watts: float | None = None
    temperature_celsius: int | None = None
    energy_joules: float | None = None


class NvmlSession:
    """An open NVML; every method raises `NvmlCallError`."""

    def __init__(self, calls: CallThread) -> None:
        self._calls = calls
        self._nvml = calls.nvml

    def driver_version(self) -> str:
        """Version of the driver, as it writes it."""
        return self._calls.ask(self._call, self._nvml.nvmlSystemGetDriverVersion)

    def count(self) -> int:
        """Number of GPUs that the driver knows."""
        return self._calls.ask(self._call, self._nvml.nvmlDeviceGetCount)

    def describe(self, index: int, driver_version: str) -> tuple[Gpu, ...]:
        """The GPU with that number as it is now, or the instances into which it is split (MIG).

        There may be none: then nothing can compute on it.
        """
        return self._calls.ask(self._describe, index, driver_version)

    def reading(self, uuid: str) -> GpuReading:
        """How that GPU is now, and which processes hold it."""
        return self._calls.ask(self._reading, uuid)

    def readings(self, uuids: Sequence[str]) -> dict[str, GpuReading]:
        """The same of several GPUs at once, by UUID, without those that fail."""
        return self._calls.ask(self._readings, uuids)

    @contextmanager
    def xids(self, uuids: Sequence[str]) -> Iterator["XidWatch"]:
        """Gather the errors that the driver reports of these GPUs from now on."""
        sets: dict[str, object] = {}
        try:
            self._calls.ask(gather, self._nvml, uuids, sets)
            yield XidWatch(self._calls, sets)
        finally:
            with suppress(NvmlCallError):
                self._calls.ask(free, self._nvml, sets)

    def _describe(self, index: int, driver_version: str) -> tuple[Gpu, ...]:
        handle = self._call(self._nvml.nvmlDeviceGetHandleByIndex, index)
        parts = instances(self._nvml, handle)
        handles = [handle] if parts is None else parts
        return tuple(self._gpu(one, index, driver_version) for one in handles)

    def _gpu(self, handle: object, index: int, driver_version: str) -> Gpu:
        nvml = self._nvml
        memory = self._figure(nvml.nvmlDeviceGetMemoryInfo, handle)
        processes = self._processes(handle) or ()
        # What a process took meanwhile is to be in both, or it would be taken from all others.
        later = self._figure(nvml.nvmlDeviceGetMemoryInfo, handle)
        used = [_number(found.used) for found in (memory, later) if found is not None]
        return Gpu(
            uuid=self._call(nvml.nvmlDeviceGetUUID, handle),
            index=index,
            name=self._call(nvml.nvmlDeviceGetName, handle),
            memory_total_bytes=None if memory is None else _number(memory.total),
            memory_used_bytes=max((it for it in used if it is not None), default=None),
            driver_version=driver_version,
            memory_reserved_bytes=self._reserved(handle),
            minor=_number(self._figure(nvml.nvmlDeviceGetMinorNumber, handle)),
            processes=processes,
        )

    def _reserved(self, handle: object) -> int:
        memory = self._figure(self._nvml.nvmlDeviceGetMemoryInfo, handle, version=MEMORY_V2)
        return 0 if memory is None else _number(memory.reserved) or 0

    def _processes(self, handle: object) -> tuple[GpuProcess, ...] | None:
        """Each process once, with the larger of its figures; None where none are told."""
        nvml = self._nvml
        computing = self._figure(nvml.nvmlDeviceGetComputeRunningProcesses, handle)
        drawing = self._figure(nvml.nvmlDeviceGetGraphicsRunningProcesses, handle)
        return None if computing is None else _held(computing, drawing or ())

    def _reading(self, uuid: str) -> GpuReading:
        nvml = self._nvml
        handle = self._call(nvml.nvmlDeviceGetHandleByUUID, uuid)
        rates = self._figure(nvml.nvmlDeviceGetUtilizationRates, handle)
        memory = self._figure(nvml.nvmlDeviceGetMemoryInfo, handle)
        power = _number(self._figure(nvml.nvmlDeviceGetPowerUsage, handle))
        energy = _number(self._figure(nvml.nvmlDeviceGetTotalEnergyConsumption, handle))
        return GpuReading(
            utilisation=None if rates is None else rates.gpu / 100,
            processes=self._processes(handle),
            memory_used_bytes=None if memory is None else _number(memory.used),
            memory_total_bytes=None if memory is None else _number(memory.total),
            power_watts=None if power is None else power / 1000,
            temperature_celsius=_number(
                self._figure(nvml.nvmlDeviceGetTemperature, handle, _GPU_SENSOR)
            ),
            energy_joules=None if energy is None else energy / 1000,
        )

    def _readings(self, uuids: Sequence[str]) -> dict[str, GpuReading]:
        readings: dict[str, GpuReading] = {}
        for uuid in uuids:
            with suppress(NvmlCallError):
                readings[uuid] = self._reading(uuid)
        return readings

    def _figure(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kw: Arguments.kwargs
    ) -> Result | None:
        try:
            return self._call(function, *args, **kw)
        except NvmlCallError as error:
            if error.code in NO_FIGURE:
                return None
            raise

    def _call(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kw: Arguments.kwargs
    ) -> Result:
        return translated(self._nvml, function, *args, **kw)


@contextmanager
def nvml_session(
    nvml: Nvml | None = None, *, deadline_seconds: float = DEADLINE_SECONDS
) -> Iterator[NvmlSession]:
    """An open NVML, closed at the end; without an argument that of the machine.

    Raises `NvmlCallError` where it cannot be opened (no library, no driver). A method that is not
    answered within the deadline raises one with the code ``NOT_ANSWERING``, and all after it do so
    at once; opening has four times as long.
    """
    with call_thread(_import_nvml() if nvml is None else nvml, deadline_seconds) as calls:
        yield NvmlSession(calls)


def _import_nvml() -> Nvml:
    # Late: a machine without GPU stages should not pay for the import.
    import pynvml

    return cast("Nvml", cast("Any", pynvml))


def _number(figure: int | None) -> int | None:
    return None if figure is None or figure in _NOT_AVAILABLE else int(figure)


def _held(computing: Sequence[Process], drawing: Sequence[Process]) -> tuple[GpuProcess, ...]:
    sizes: dict[int, int | None] = {}
    for process in (*computing, *drawing):
        told = (sizes.get(process.pid), process.usedGpuMemory)
        sizes[process.pid] = max((size for size in told if size is not None), default=None)
    pids = {process.pid for process in computing}
    return tuple(GpuProcess(pid, size, computes=pid in pids) for pid, size in sizes.items())
