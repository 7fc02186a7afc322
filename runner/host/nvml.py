# ruff: noqa: N802  (the names in the protocol are NVML's own)
"""The border to NVML: calls become values, and its errors one error that stays in `runner.host`.

The library is opened in `nvml_session` only and closed with it. Process ids are the host's.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, Protocol, TypeVar, cast

NOT_SUPPORTED: Final = 3
DRIVER_NOT_LOADED: Final = 9
LIBRARY_NOT_FOUND: Final = 12
GPU_IS_LOST: Final = 15
UNKNOWN: Final = 999

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """One GPU of this machine; memory in bytes, None where the driver does not tell."""

    uuid: str
    index: int
    name: str
    memory_total_bytes: int | None
    memory_used_bytes: int | None
    driver_version: str
    processes: tuple["GpuProcess", ...] = ()

    @property
    def memory_free_bytes(self) -> int | None:
        """What a new process could take at this moment."""
        if self.memory_total_bytes is None or self.memory_used_bytes is None:
            return None
        return max(0, self.memory_total_bytes - self.memory_used_bytes)


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that holds a GPU; its memory in bytes is None where the driver does not tell."""

    pid: int
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One look at one GPU; ``utilisation`` of the whole device from 0 to 1, None if unsupported."""

    utilisation: float | None
    processes: tuple[GpuProcess, ...]


class NvmlCallError(Exception):
    """An NVML call failed; ``code`` is NVML's return value, the text is NVML's own."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class _Memory(Protocol):
    @property
    def total(self) -> int: ...
    @property
    def used(self) -> int: ...


class _Utilization(Protocol):
    @property
    def gpu(self) -> int: ...


class _Process(Protocol):
    @property
    def pid(self) -> int: ...
    @property
    def usedGpuMemory(self) -> int | None: ...


class Nvml(Protocol):
    """The part of the module ``pynvml`` that is used; handles are opaque."""

    @property
    def NVMLError(self) -> type[Exception]:
        """The root of its errors; each instance has ``value``, the return code."""

    def nvmlInit(self) -> None:
        """Open the library; calls are counted."""

    def nvmlShutdown(self) -> None:
        """Close it once."""

    def nvmlSystemGetDriverVersion(self) -> str:
        """Version of the kernel driver."""

    def nvmlDeviceGetCount(self) -> int:
        """Number of GPUs."""

    def nvmlDeviceGetHandleByIndex(self, index: int) -> object:
        """Handle of the GPU with that number."""

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> object:
        """Handle of the GPU with that UUID."""

    def nvmlDeviceGetUUID(self, handle: Any) -> str:
        """UUID, as an engine takes it."""

    def nvmlDeviceGetName(self, handle: Any) -> str:
        """Name of the product."""

    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> _Memory:
        """Memory in bytes; used includes what the driver reserved."""

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> _Utilization:
        """Busy time in percent."""

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> Sequence[_Process]:
        """Processes with a compute context."""


class NvmlSession:
    """An open NVML; every method raises `NvmlCallError`."""

    def __init__(self, nvml: Nvml) -> None:
        self._nvml = nvml

    def driver_version(self) -> str:
        """Version of the driver, as it writes it."""
        return self._call(self._nvml.nvmlSystemGetDriverVersion)

    def count(self) -> int:
        """Number of GPUs that the driver knows."""
        return self._call(self._nvml.nvmlDeviceGetCount)

    def describe(self, index: int, driver_version: str) -> Gpu:
        """The GPU with that number, as it is now."""
        handle = self._call(self._nvml.nvmlDeviceGetHandleByIndex, index)
        memory = self._where_supported(self._nvml.nvmlDeviceGetMemoryInfo, handle)
        processes = self._where_supported(self._nvml.nvmlDeviceGetComputeRunningProcesses, handle)
        return Gpu(
            uuid=self._call(self._nvml.nvmlDeviceGetUUID, handle),
            index=index,
            name=self._call(self._nvml.nvmlDeviceGetName, handle),
            memory_total_bytes=None if memory is None else int(memory.total),
            memory_used_bytes=None if memory is None else int(memory.used),
            driver_version=driver_version,
            processes=tuple(GpuProcess(found.pid, found.usedGpuMemory) for found in processes or ()),
        )

    def read(self, uuid: str) -> GpuReading:
        """How busy that GPU is and which processes hold it."""
        handle = self._call(self._nvml.nvmlDeviceGetHandleByUUID, uuid)
        rates = self._where_supported(self._nvml.nvmlDeviceGetUtilizationRates, handle)
        processes = self._call(self._nvml.nvmlDeviceGetComputeRunningProcesses, handle)
        return GpuReading(
            utilisation=None if rates is None else rates.gpu / 100,
            processes=tuple(GpuProcess(found.pid, found.usedGpuMemory) for found in processes),
        )

    def _where_supported(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kw: Arguments.kwargs
    ) -> Result | None:
        try:
            return self._call(function, *args, **kw)
        except NvmlCallError as error:
            if error.code == NOT_SUPPORTED:
                return None
            raise

    def _call(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kw: Arguments.kwargs
    ) -> Result:
        return _translated(self._nvml, function, *args, **kw)


@contextmanager
def nvml_session(nvml: Nvml | None = None) -> Iterator[NvmlSession]:
    """An open NVML, closed at the end; without an argument that of the machine.

    Raises `NvmlCallError` where it cannot be opened (no library, no driver).
    """
    library = _import_nvml() if nvml is None else nvml
    _translated(library, library.nvmlInit)
    try:
        yield NvmlSession(library)
    finally:
        # A library that fails to close has said what it had to say before.
        with suppress(NvmlCallError):
            _translated(library, library.nvmlShutdown)


def _import_nvml() -> Nvml:
    # Late: a machine without GPU stages should not pay for the import.
    import pynvml

    return cast("Nvml", pynvml)


def _translated(
    nvml: Nvml,
    function: Callable[Arguments, Result],
    *args: Arguments.args,
    **kw: Arguments.kwargs,
) -> Result:
    try:
        return function(*args, **kw)
    except nvml.NVMLError as error:
        raise NvmlCallError(int(getattr(error, "value", UNKNOWN)), str(error)) from error
