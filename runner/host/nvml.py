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
    NO_DATA,
    NO_PERMISSION,
    NOT_ANSWERING,
    NOT_SUPPORTED,
    TIMED_OUT,
    UNKNOWN,
    CallThread,
    Nvml,
    NvmlCallError,
    Process,
    call_thread,
    translated,
)

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

# A driver that is too old lacks the function, one that is new enough may lack the figure.
_NO_FIGURE: Final = frozenset({NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND, NO_DATA})
# "Not available", as NVML writes it into a number of 32 and of 64 bits.
_NOT_AVAILABLE: Final = frozenset({2**32 - 1, 2**64 - 1})
_GPU_SENSOR: Final = 0
_CRITICAL_ERROR: Final = 0x8
_MOST_EVENTS: Final = 100

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """One GPU of this machine; memory in bytes, None where the driver does not tell.

    ``minor`` is the number of its device node, ``/dev/nvidia<minor>``.
    """

    uuid: str
    index: int
    name: str
    memory_total_bytes: int | None
    memory_used_bytes: int | None
    driver_version: str
    minor: int | None = None
    processes: tuple["GpuProcess", ...] = ()


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that holds a GPU; its memory in bytes is None where the driver does not tell."""

    pid: int
    memory_bytes: int | None


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


@dataclass(frozen=True, slots=True)
class Xid:
    """An error that the driver reported of a GPU; ``code`` is the number in its log, as in
    "NVRM: Xid 79". Errors that a program made (13, 31, 43, 45 …) are among them.
    """

    uuid: str
    code: int


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
        """The GPU with that number as it is now, or the instances into which it is split (MIG)."""
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
            self._calls.ask(self._gather, uuids, sets)
            yield XidWatch(self._calls, sets)
        finally:
            with suppress(NvmlCallError):
                self._calls.ask(self._free, sets)

    def _describe(self, index: int, driver_version: str) -> tuple[Gpu, ...]:
        handle = self._call(self._nvml.nvmlDeviceGetHandleByIndex, index)
        handles = instances(self._nvml, handle) or [handle]
        return tuple(self._gpu(one, index, driver_version) for one in handles)

    def _gpu(self, handle: object, index: int, driver_version: str) -> Gpu:
        nvml = self._nvml
        memory = self._figure(nvml.nvmlDeviceGetMemoryInfo, handle)
        return Gpu(
            uuid=self._call(nvml.nvmlDeviceGetUUID, handle),
            index=index,
            name=self._call(nvml.nvmlDeviceGetName, handle),
            memory_total_bytes=None if memory is None else _number(memory.total),
            memory_used_bytes=None if memory is None else _number(memory.used),
            driver_version=driver_version,
            minor=_number(self._figure(nvml.nvmlDeviceGetMinorNumber, handle)),
            processes=_held(self._figure(nvml.nvmlDeviceGetComputeRunningProcesses, handle)) or (),
        )

    def _reading(self, uuid: str) -> GpuReading:
        nvml = self._nvml
        handle = self._call(nvml.nvmlDeviceGetHandleByUUID, uuid)
        rates = self._figure(nvml.nvmlDeviceGetUtilizationRates, handle)
        memory = self._figure(nvml.nvmlDeviceGetMemoryInfo, handle)
        power = _number(self._figure(nvml.nvmlDeviceGetPowerUsage, handle))
        energy = _number(self._figure(nvml.nvmlDeviceGetTotalEnergyConsumption, handle))
        return GpuReading(
            utilisation=None if rates is None else rates.gpu / 100,
            processes=_held(self._figure(nvml.nvmlDeviceGetComputeRunningProcesses, handle)),
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

    def _gather(self, uuids: Sequence[str], sets: dict[str, object]) -> None:
        nvml = self._nvml
        # A set for each GPU: one that fell off the bus does not answer when asked who it is.
        for uuid in uuids:
            handle = self._call(nvml.nvmlDeviceGetHandleByUUID, uuid)
            created = self._figure(nvml.nvmlEventSetCreate)
            if created is not None:
                sets[uuid] = created
                self._figure(nvml.nvmlDeviceRegisterEvents, handle, _CRITICAL_ERROR, created)

    def _free(self, sets: dict[str, object]) -> None:
        for created in sets.values():
            self._call(self._nvml.nvmlEventSetFree, created)

    def _figure(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kw: Arguments.kwargs
    ) -> Result | None:
        try:
            return self._call(function, *args, **kw)
        except NvmlCallError as error:
            if error.code in _NO_FIGURE:
                return None
            raise

    def _call(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kw: Arguments.kwargs
    ) -> Result:
        return translated(self._nvml, function, *args, **kw)


class XidWatch:
    """Gathers the errors of some GPUs; there are none where the driver does not report them."""

    def __init__(self, calls: CallThread, sets: dict[str, object]) -> None:
        self._calls = calls
        self._sets = sets

    def take(self) -> tuple[Xid, ...]:
        """What was reported since the last call, without waiting; raises `NvmlCallError`."""
        return self._calls.ask(self._take)

    def _take(self) -> tuple[Xid, ...]:
        return tuple(Xid(uuid, code) for uuid in self._sets for code in self._codes(uuid))

    def _codes(self, uuid: str) -> Iterator[int]:
        nvml = self._calls.nvml
        for _ in range(_MOST_EVENTS):
            try:
                event = translated(nvml, nvml.nvmlEventSetWait_v2, self._sets[uuid], 0)
            except NvmlCallError as error:
                if error.code == TIMED_OUT or error.code in _NO_FIGURE:
                    return
                raise
            yield int(event.eventData)


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


def _held(processes: Sequence[Process] | None) -> tuple[GpuProcess, ...] | None:
    if processes is None:
        return None
    return tuple(GpuProcess(found.pid, found.usedGpuMemory) for found in processes)
