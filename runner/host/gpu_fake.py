# ruff: noqa: N802  (the names are NVML's own)
"""A stand-in for the module ``pynvml``, for tests of whatever takes an `Nvml`."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from runner.host.nvml_calls import (
    DRIVER_NOT_LOADED,
    FUNCTION_NOT_FOUND,
    GPU_IS_LOST,
    LIBRARY_NOT_FOUND,
    MEMORY_V2,
    NOT_FOUND,
    NOT_SUPPORTED,
    TIMED_OUT,
)

CRITICAL_ERROR: Final = 0x8
Figure = TypeVar("Figure")
_TEXTS = {
    NOT_SUPPORTED: "Not Supported",
    NOT_FOUND: "Not Found",
    DRIVER_NOT_LOADED: "Driver Not Loaded",
    TIMED_OUT: "Timeout",
    LIBRARY_NOT_FOUND: "NVML Shared Library Not Found",
    FUNCTION_NOT_FOUND: "Function Not Found",
    GPU_IS_LOST: "GPU is lost",
}


class FakeNvmlError(Exception):
    """The root of the fake's errors; ``value`` is the return code."""

    def __init__(self, value: int) -> None:
        super().__init__(_TEXTS.get(value, f"error {value}"))
        self.value = value


@dataclass
class FakeProcess:
    """A process on a fake GPU; memory in bytes, None where the driver would not tell."""

    pid: int
    usedGpuMemory: int | None  # noqa: N815  (a field of NVML's structure)


@dataclass
class FakeGpu:
    """A fake GPU: change its fields to change what NVML says; sizes in bytes.

    ``failure`` is the return code that every call on the device gives, ``odd`` those of single
    calls by name. A figure that is None is one that the device does not support. ``drawing`` are
    the processes that draw. ``xids`` are the errors that the driver reported of it: add to them
    while it is watched.
    """

    uuid: str
    name: str = "Fake GPU"
    total: int = 24 * 1024**3
    used: int | None = 1024**3
    utilisation_percent: int | None = 0
    reserved: int | None = None
    processes: list[FakeProcess] = field(default_factory=list)
    drawing: list[FakeProcess] = field(default_factory=list)
    failure: int | None = None
    odd: dict[str, int] = field(default_factory=dict)
    minor: int | None = None
    power_milliwatts: int | None = None
    temperature: int | None = None
    energy_millijoules: int | None = None
    xids: list[int] = field(default_factory=list)
    instances: "list[FakeGpu | None] | None" = None


@dataclass(frozen=True)
class FakeMemory:
    """Memory of a fake GPU in bytes."""

    total: int
    used: int
    reserved: int = 0


@dataclass(frozen=True)
class FakeUtilization:
    """Busy time of a fake GPU in percent."""

    gpu: int


@dataclass(frozen=True)
class FakeEvent:
    """A critical error of a fake GPU; ``eventData`` is its Xid."""

    eventData: int  # noqa: N815  (a field of NVML's structure)


@dataclass(eq=False)
class FakeEventSet:
    """Gathers the errors of fake GPUs; each number says how many of a GPU's are behind it."""

    watched: list[tuple[FakeGpu, int]] = field(default_factory=list)


class FakeNvml:
    """A fake NVML over ``gpus``; ``init_failure`` is the return code of opening it.

    ``sessions`` is how often it is open now, ``event_sets`` which sets of events are in use: a
    caller that forgets to give them back leaves some. While ``answering`` is cleared, calls on a
    device do not return. ``missing`` are functions that a library of this age does not have yet.
    """

    NVMLError: type[Exception] = FakeNvmlError

    def __init__(
        self,
        gpus: Sequence[FakeGpu] = (),
        *,
        init_failure: int | None = None,
        missing: Sequence[str] = (),
    ) -> None:
        self.gpus = list(gpus)
        self.init_failure = init_failure
        self.missing = frozenset(missing)
        self.sessions = 0
        self.event_sets: list[FakeEventSet] = []
        self.answering = threading.Event()
        self.answering.set()

    def nvmlInit(self) -> None:
        """Open it, or fail as told."""
        if self.init_failure is not None:
            raise FakeNvmlError(self.init_failure)
        self.sessions += 1

    def nvmlShutdown(self) -> None:
        """Close it once."""
        self.sessions -= 1

    def nvmlSystemGetDriverVersion(self) -> str:
        """A fixed version."""
        return "550.54.15"

    def nvmlDeviceGetCount(self) -> int:
        """Number of fake GPUs, those that fail included."""
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeGpu:
        """The fake GPU itself is its handle."""
        return self._answering(self.gpus[index])

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> FakeGpu:
        """The fake GPU itself is its handle."""
        for gpu in self.gpus:
            if gpu.uuid == uuid:
                return self._answering(gpu)
        raise FakeNvmlError(NOT_FOUND)

    def nvmlDeviceGetUUID(self, handle: Any) -> str:
        """UUID as it was given."""
        return self._answering(handle).uuid

    def nvmlDeviceGetName(self, handle: Any) -> str:
        """Name as it was given."""
        return self._answering(handle).name

    def nvmlDeviceGetMigMode(self, handle: Any) -> list[int]:
        """Whether it is split into instances."""
        instances = self._answering(handle).instances
        return [int(instances is not None)] * 2

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: Any) -> int:
        """How many instances there are places for."""
        return len(self._answering(handle).instances or ())

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: Any, index: int) -> FakeGpu:
        """The instance itself is its handle."""
        instance = (self._answering(handle).instances or ())[index]
        if instance is None:
            raise FakeNvmlError(NOT_FOUND)
        return instance

    def nvmlDeviceGetMinorNumber(self, handle: Any) -> int:
        """Number of the device node."""
        function = "nvmlDeviceGetMinorNumber"
        return self._supported(function, self._answering(handle, function).minor)

    def nvmlDeviceGetMemoryInfo(self, handle: Any, version: int | None = None) -> FakeMemory:
        """Memory in bytes; used has what is reserved but for the second form."""
        gpu = self._answering(handle)
        used = self._supported("nvmlDeviceGetMemoryInfo", gpu.used)
        if version is None:
            return FakeMemory(gpu.total, used)
        assert version == MEMORY_V2
        reserved = self._supported("nvmlDeviceGetMemoryInfo_v2", gpu.reserved)
        return FakeMemory(gpu.total, used - reserved, reserved)

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> FakeUtilization:
        """Busy time in percent."""
        percent = self._answering(handle).utilisation_percent
        return FakeUtilization(self._supported("nvmlDeviceGetUtilizationRates", percent))

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> list[FakeProcess]:
        """The processes as they were given."""
        processes = self._answering(handle).processes
        return self._supported("nvmlDeviceGetComputeRunningProcesses", processes)

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: Any) -> list[FakeProcess]:
        """Those that draw, as they were given."""
        drawing = self._answering(handle).drawing
        return self._supported("nvmlDeviceGetGraphicsRunningProcesses", drawing)

    def nvmlDeviceGetPowerUsage(self, handle: Any) -> int:
        """Power in milliwatts."""
        power = self._answering(handle).power_milliwatts
        return self._supported("nvmlDeviceGetPowerUsage", power)

    def nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> int:
        """Temperature in degrees Celsius; there is one sensor."""
        assert sensor == 0
        return self._supported("nvmlDeviceGetTemperature", self._answering(handle).temperature)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any) -> int:
        """Energy in millijoules."""
        energy = self._answering(handle).energy_millijoules
        return self._supported("nvmlDeviceGetTotalEnergyConsumption", energy)

    def nvmlEventSetCreate(self) -> FakeEventSet:
        """An empty set."""
        created = self._supported("nvmlEventSetCreate", FakeEventSet())
        self.event_sets.append(created)
        return created

    def nvmlDeviceRegisterEvents(self, handle: Any, eventTypes: int, eventSet: Any) -> None:  # noqa: N803
        """Errors that come from now on are gathered."""
        assert eventTypes == CRITICAL_ERROR
        gpu = self._answering(handle, "nvmlDeviceRegisterEvents")
        eventSet.watched.append((gpu, len(gpu.xids)))

    def nvmlEventSetWait_v2(self, eventSet: Any, timeoutms: int) -> FakeEvent:  # noqa: N803
        """The next error; nothing is waited for."""
        assert timeoutms == 0
        assert self._supported("nvmlEventSetWait_v2", eventSet) in self.event_sets
        for number, (gpu, taken) in enumerate(eventSet.watched):
            if code := gpu.odd.get("nvmlEventSetWait_v2"):
                raise FakeNvmlError(code)
            if taken < len(gpu.xids):
                eventSet.watched[number] = (gpu, taken + 1)
                return FakeEvent(gpu.xids[taken])
        raise FakeNvmlError(TIMED_OUT)

    def nvmlEventSetFree(self, eventSet: Any) -> None:  # noqa: N803
        """Give a set back."""
        self.event_sets.remove(eventSet)

    def _supported(self, function: str, figure: Figure | None) -> Figure:
        if function in self.missing:
            raise FakeNvmlError(FUNCTION_NOT_FOUND)
        if figure is None:
            raise FakeNvmlError(NOT_SUPPORTED)
        return figure

    def _answering(self, handle: Any, function: str = "") -> FakeGpu:
        assert isinstance(handle, FakeGpu)
        self.answering.wait()
        code = handle.odd.get(function) if handle.failure is None else handle.failure
        if code is not None:
            raise FakeNvmlError(code)
        return handle
