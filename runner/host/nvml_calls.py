# ruff: noqa: N802  (the names in the protocol are NVML's own)
"""Calls into NVML: its errors become one error, and one that never returns costs a thread only.

A driver that hangs keeps whoever calls it for ever. So one thread makes all calls of a session, and
whoever asks waits for it no longer than a deadline.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, NoReturn, ParamSpec, Protocol, TypeVar

INVALID_ARGUMENT: Final = 2
NOT_SUPPORTED: Final = 3
NO_PERMISSION: Final = 4
NOT_FOUND: Final = 6
DRIVER_NOT_LOADED: Final = 9
TIMED_OUT: Final = 10
LIBRARY_NOT_FOUND: Final = 12
FUNCTION_NOT_FOUND: Final = 13
GPU_IS_LOST: Final = 15
RESET_REQUIRED: Final = 16
NO_DATA: Final = 21
VERSION_MISMATCH: Final = 25
UNKNOWN: Final = 999
# Not one of NVML's own: it has no negative ones.
NOT_ANSWERING: Final = -1

# A driver that is too old lacks the function or its version, one that is new enough may lack the
# figure, for an instance of a GPU (MIG) above all.
NO_FIGURE: Final = frozenset(
    {INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND, NO_DATA, VERSION_MISMATCH}
)
# The second form of what a GPU's memory is, as NVML numbers it: its size, and 2 above that.
MEMORY_V2: Final = 2 << 24 | 40

DEADLINE_SECONDS: Final = 5.0
# A driver without its persistence daemon sets every GPU up anew when the library is opened.
OPENING_FACTOR: Final = 4

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class NvmlCallError(Exception):
    """An NVML call failed; ``code`` is NVML's return value, the text is NVML's own.

    ``NOT_ANSWERING`` is ours: the call did not return in time.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class _Memory(Protocol):
    @property
    def total(self) -> int: ...
    @property
    def used(self) -> int: ...
    @property
    def reserved(self) -> int:
        """What the driver keeps for itself; the second form alone has it."""


class _Utilization(Protocol):
    @property
    def gpu(self) -> int: ...


class Process(Protocol):
    """A process on a GPU."""

    @property
    def pid(self) -> int:
        """Its number on the host."""

    @property
    def usedGpuMemory(self) -> int | None:
        """Bytes; None where the driver does not tell."""


class _Event(Protocol):
    """Something that happened on a GPU; the data of a critical error is its Xid."""

    @property
    def eventData(self) -> int: ...


class Nvml(Protocol):
    """The part of the module ``pynvml`` that is used; handles and event sets are opaque."""

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

    def nvmlDeviceGetMigMode(self, handle: Any) -> Sequence[int]:
        """Whether it is split into instances: now, and after the next reset."""

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: Any) -> int:
        """How many instances it can have at most."""

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: Any, index: int) -> object:
        """Handle of an instance, which is asked like a GPU."""

    def nvmlDeviceGetMinorNumber(self, handle: Any) -> int:
        """Number of its device node, ``/dev/nvidia<number>``."""

    def nvmlDeviceGetMemoryInfo(self, handle: Any, version: int | None = None) -> _Memory:
        """Memory in bytes; used includes what the driver reserved, but for the second form."""

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> _Utilization:
        """Busy time in percent."""

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> Sequence[Process]:
        """Processes with a compute context."""

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: Any) -> Sequence[Process]:
        """Processes that draw, some of which compute too."""

    def nvmlDeviceGetPowerUsage(self, handle: Any) -> int:
        """Power in milliwatts."""

    def nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> int:
        """Temperature in degrees Celsius; sensor 0 is the GPU itself."""

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any) -> int:
        """Energy in millijoules since the driver was loaded."""

    def nvmlEventSetCreate(self) -> object:
        """A set that gathers events."""

    def nvmlDeviceRegisterEvents(self, handle: Any, eventTypes: int, eventSet: Any) -> None:  # noqa: N803
        """Let a set gather the events of a GPU from now on."""

    def nvmlEventSetWait_v2(self, eventSet: Any, timeoutms: int) -> _Event:  # noqa: N803
        """The next event of a set; an error where there is none in time."""

    def nvmlEventSetFree(self, eventSet: Any) -> None:  # noqa: N803
        """Give a set back."""


def translated(
    nvml: Nvml,
    function: Callable[Arguments, Result],
    *args: Arguments.args,
    **kw: Arguments.kwargs,
) -> Result:
    """Call a function of the library; raises `NvmlCallError` in place of the library's error."""
    try:
        return function(*args, **kw)
    except nvml.NVMLError as error:
        raise NvmlCallError(int(getattr(error, "value", UNKNOWN)), str(error)) from error


class CallThread:
    """The one thread that calls an open library; after a call that was not answered it is given
    up: it closes the library by itself when the call returns, should it ever.
    """

    def __init__(self, nvml: Nvml, deadline_seconds: float) -> None:
        self.nvml = nvml
        self._deadline_seconds = deadline_seconds
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._unanswered: str | None = None
        self._is_open = False
        threading.Thread(target=self._run, name="nvml", daemon=True).start()

    def ask(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kw: Arguments.kwargs
    ) -> Result:
        """What the function returns or raises in that thread.

        Raises `NvmlCallError` with ``NOT_ANSWERING`` after the deadline, and from then on at once.
        """
        return self._ask(partial(function, *args, **kw), self._deadline_seconds)

    def open(self) -> None:
        """Open the library; raises `NvmlCallError`."""
        self._ask(self._open, OPENING_FACTOR * self._deadline_seconds)

    def close(self) -> None:
        """Close the library and end the thread; a call that hangs is not waited for."""
        # A library that fails to close has said what it had to say before.
        with suppress(NvmlCallError):
            self.ask(self._close)
        self._tasks.put(None)

    def _ask(self, function: Callable[[], Result], seconds: float) -> Result:
        if self._unanswered is not None:
            raise NvmlCallError(NOT_ANSWERING, self._unanswered)
        outcomes: SimpleQueue[Callable[[], Result]] = SimpleQueue()
        self._tasks.put(lambda: outcomes.put(_outcome(function)))
        try:
            outcome = outcomes.get(timeout=seconds)
        except Empty:
            text = self._give_up(seconds)
            raise NvmlCallError(NOT_ANSWERING, text) from None
        return outcome()

    def _give_up(self, seconds: float) -> str:
        self._unanswered = text = f"it did not answer within {seconds:g} s"
        _STUCK.append(self)
        for task in (self._close_quietly, lambda: _STUCK.remove(self), None):
            self._tasks.put(task)
        return text

    def _open(self) -> None:
        translated(self.nvml, self.nvml.nvmlInit)
        self._is_open = True

    def _close(self) -> None:
        # Calls of the library are counted: one too many would close it for another session.
        if self._is_open:
            self._is_open = False
            translated(self.nvml, self.nvml.nvmlShutdown)

    def _close_quietly(self) -> None:
        with suppress(NvmlCallError):
            self._close()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()


# A library that hangs keeps one thread of this process and not one for every session.
_STUCK: Final[list[CallThread]] = []


@contextmanager
def call_thread(nvml: Nvml, deadline_seconds: float) -> Iterator[CallThread]:
    """An open library and the thread that calls it, closed at the end.

    Raises `NvmlCallError`: where the library does not open, and at once where an earlier call of
    this process still hangs in it.
    """
    if any(stuck.nvml is nvml for stuck in tuple(_STUCK)):
        raise NvmlCallError(NOT_ANSWERING, "an earlier call still waits for its answer")
    calls = CallThread(nvml, deadline_seconds)
    try:
        calls.open()
        yield calls
    finally:
        calls.close()


def _outcome(function: Callable[[], Result]) -> Callable[[], Result]:
    try:
        result = function()
    except Exception as error:
        return partial(_raise, error)
    return lambda: result


def _raise(error: Exception) -> NoReturn:
    raise error
