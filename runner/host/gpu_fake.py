# ruff: noqa: N802  (the names are NVML's own)
"""A stand-in for the module ``pynvml``, for tests of whatever takes an `Nvml`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.host.nvml import DRIVER_NOT_LOADED, GPU_IS_LOST, LIBRARY_NOT_FOUND, NOT_SUPPORTED

NOT_FOUND = 6
_TEXTS = {
    NOT_SUPPORTED: "Not Supported",
    NOT_FOUND: "Not Found",
    DRIVER_NOT_LOADED: "Driver Not Loaded",
    LIBRARY_NOT_FOUND: "NVML Shared Library Not Found",
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

    ``failure`` is the return code that every call on the device gives; ``utilisation_percent``
    and ``used`` are None where the device does not support the question.
    """

    uuid: str
    name: str = "Fake GPU"
    total: int = 24 * 1024**3
    used: int | None = 1024**3
    utilisation_percent: int | None = 0
    processes: list[FakeProcess] = field(default_factory=list)
    failure: int | None = None


@dataclass(frozen=True)
class FakeMemory:
    """Memory of a fake GPU in bytes."""

    total: int
    used: int


@dataclass(frozen=True)
class FakeUtilization:
    """Busy time of a fake GPU in percent."""

    gpu: int


class FakeNvml:
    """A fake NVML over ``gpus``; ``init_failure`` is the return code of opening it.

    ``sessions`` is how often it is open now: a caller that forgets to close it leaves more than 0.
    """

    NVMLError: type[Exception] = FakeNvmlError

    def __init__(self, gpus: Sequence[FakeGpu] = (), *, init_failure: int | None = None) -> None:
        self.gpus = list(gpus)
        self.init_failure = init_failure
        self.sessions = 0

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

    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> FakeMemory:
        """Memory in bytes."""
        gpu = self._answering(handle)
        if gpu.used is None:
            raise FakeNvmlError(NOT_SUPPORTED)
        return FakeMemory(gpu.total, gpu.used)

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> FakeUtilization:
        """Busy time in percent."""
        gpu = self._answering(handle)
        if gpu.utilisation_percent is None:
            raise FakeNvmlError(NOT_SUPPORTED)
        return FakeUtilization(gpu.utilisation_percent)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> list[FakeProcess]:
        """The processes as they were given."""
        return self._answering(handle).processes

    def _answering(self, handle: Any) -> FakeGpu:
        assert isinstance(handle, FakeGpu)
        if handle.failure is not None:
            raise FakeNvmlError(handle.failure)
        return handle
