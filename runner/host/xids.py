"""The errors of GPUs that the driver reports (Xids), gathered as long as somebody watches."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from runner.host.nvml_calls import CallThread, Nvml, NvmlCallError, translated

CRITICAL_ERROR: Final = 0x8
MOST_EVENTS: Final = 100


@dataclass(frozen=True, slots=True)
class Xid:
    """An error that the driver reported of a GPU; ``code`` is the number in its log, as in
    "NVRM: Xid 79". Errors that a program made (13, 31, 43, 45 …) are among them.
    """

    uuid: str
    code: int


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
        # Whatever a GPU answers in place of an event, the others are to be asked too.
        with suppress(NvmlCallError):
            for _ in range(MOST_EVENTS):
                event = translated(nvml, nvml.nvmlEventSetWait_v2, self._sets[uuid], 0)
                yield int(event.eventData)


def gather(nvml: Nvml, uuids: Sequence[str], sets: dict[str, object]) -> None:
    """Watch these GPUs from now on; ``sets`` gets what has to be freed, by UUID.

    One that cannot be watched is left out: the others can be all the same.
    """
    # A set for each GPU: one that fell off the bus does not answer when asked who it is.
    for uuid in uuids:
        with suppress(NvmlCallError):
            handle = translated(nvml, nvml.nvmlDeviceGetHandleByUUID, uuid)
            sets[uuid] = translated(nvml, nvml.nvmlEventSetCreate)
            translated(nvml, nvml.nvmlDeviceRegisterEvents, handle, CRITICAL_ERROR, sets[uuid])


def free(nvml: Nvml, sets: dict[str, object]) -> None:
    """Give back what was gathered in."""
    for created in sets.values():
        with suppress(NvmlCallError):
            translated(nvml, nvml.nvmlEventSetFree, created)
