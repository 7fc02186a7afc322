"""The GPUs of one run, and what the processes of its container do on them."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Final

from runner.host.gpu_curve import GpuCourse, GpuUse
from runner.host.nvml import (
    DEADLINE_SECONDS,
    NOT_ANSWERING,
    GpuProcess,
    GpuReading,
    Nvml,
    NvmlCallError,
    NvmlSession,
    XidWatch,
    nvml_session,
)
from runner.host.nvml_calls import GPU_IS_LOST, NOT_FOUND, RESET_REQUIRED

LOST: Final = frozenset({NOT_FOUND, GPU_IS_LOST, RESET_REQUIRED})
# Errors after which a GPU has to be reset or exchanged, by the driver's documentation of its Xids;
# others are a program's own fault, or the driver gets over them.
FATAL_XIDS: Final = frozenset({48, 62, 64, 74, 79, 95, 119, 120, 140, 143})
MOST_PIDS: Final = 256
HANGS_FOR_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class GpuShare:
    """What a container's processes hold on its GPUs in bytes, and how busy these are as a whole.

    ``held`` are the bytes for each GPU that answered, and ``readings`` all that it said, by UUID;
    ``troubles`` says of those that are of no use any more what happened to them.
    """

    memory_bytes: int | None = None
    utilisation: float | None = None
    held: Mapping[str, int | None] = field(default_factory=dict, compare=False)
    readings: Mapping[str, GpuReading] = field(default_factory=dict, compare=False)
    troubles: Mapping[str, str] = field(default_factory=dict, compare=False)


class GrantedGpus:
    """Looks at the GPUs of a run; what they do not tell is None, and nothing here raises.

    ``used`` says whether a process of the container was ever seen on one of them, None while that
    could not be told; ``samples`` counts the looks in which all of them named their processes, and
    ``pids`` has the container's processes that were seen there, the latest if there were many.
    ``troubles`` says of GPUs that are of no use any more what happened to them, by UUID.
    """

    def __init__(
        self,
        uuids: Sequence[str],
        nvml: Nvml | None,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self.used: bool | None = None
        self.samples = 0
        self.troubles: dict[str, str] = {}
        self._pids: dict[int, None] = {}
        self._courses = {uuid: GpuCourse() for uuid in uuids}
        self._nvml = nvml
        self._deadline_seconds = deadline_seconds
        self._stack = ExitStack()
        self._session: NvmlSession | None = None
        self._xids: XidWatch | None = None
        self._opens_at = float("-inf")
        self._times: tuple[float, float] | None = None

    @property
    def pids(self) -> tuple[int, ...]:
        """The container's processes that were seen on a GPU, as the host numbers them."""
        return tuple(sorted(self._pids))

    @property
    def uses(self) -> dict[str, GpuUse]:
        """What each GPU saw of the run up to now, by UUID, without those that never answered."""
        found = {uuid: course.use() for uuid, course in self._courses.items()}
        return {uuid: use for uuid, use in found.items() if use.points}

    def look(self, pids: frozenset[int] | None, now: float) -> GpuShare:
        """Look once, at a time in seconds; ``pids`` are the container's processes, or None."""
        readings = self._readings(now)
        self._note_troubles(readings)
        if not readings:
            return GpuShare(troubles=dict(self.troubles))
        first, before = self._times or (now, now)
        self._times = (first, now)
        memory: int | None = None
        each = {uuid: self._held(reading, pids) for uuid, reading in readings.items()}
        for uuid, held in each.items():
            self._courses[uuid].add(readings[uuid], held, now - first, now - before)
            memory = held if memory is None else memory + (held or 0)
        if pids is not None:
            self._count(readings)
        busy = [found.utilisation for found in readings.values() if found.utilisation is not None]
        return GpuShare(
            memory_bytes=memory,
            utilisation=sum(busy) / len(busy) if busy else None,
            held=each,
            readings=readings,
            troubles=dict(self.troubles),
        )

    def close(self, now: float) -> None:
        """Look at the counters of energy once more, and give NVML back."""
        if self._session is not None and self._times is not None:
            for uuid, reading in self._readings(now).items():
                self._courses[uuid].end(reading, now - self._times[1])
        self._stack.close()

    def _held(self, reading: GpuReading, pids: frozenset[int] | None) -> int | None:
        """Bytes that the container's processes hold; None where that is not told."""
        if reading.processes is None or pids is None:
            return None
        held = [found for found in reading.processes if found.pid in pids]
        self._note(held)
        known = [found.memory_bytes for found in held if found.memory_bytes is not None]
        return None if held and not known else sum(known)

    def _note(self, held: Sequence[GpuProcess]) -> None:
        self.used = bool(held or self.used)
        for found in held:
            self._pids.pop(found.pid, None)
            self._pids[found.pid] = None
        while len(self._pids) > MOST_PIDS:
            del self._pids[next(iter(self._pids))]

    def _note_troubles(self, readings: Mapping[str, GpuReading]) -> None:
        """Find out about GPUs that do not answer, and about errors that the driver reported."""
        if self._session is None:
            return
        for uuid in self._courses.keys() - readings.keys() - self.troubles.keys():
            try:
                self._session.reading(uuid)
            except NvmlCallError as error:
                if error.code in LOST:
                    self.troubles[uuid] = str(error)
        with suppress(NvmlCallError):
            for xid in self._xids.take() if self._xids else ():
                if xid.code in FATAL_XIDS:
                    self.troubles.setdefault(xid.uuid, f"the driver reported Xid {xid.code}")

    def _count(self, readings: dict[str, GpuReading]) -> None:
        named = [found for found in readings.values() if found.processes is not None]
        self.samples += len(named) == len(self._courses)

    def _readings(self, now: float) -> dict[str, GpuReading]:
        try:
            session = self._open(now)
            return {} if session is None else session.readings(tuple(self._courses))
        except NvmlCallError as error:
            if error.code == NOT_ANSWERING:
                self._give_up(now)
            return {}

    def _open(self, now: float) -> NvmlSession | None:
        # Not before the first look, since opening can take seconds, and not again where it failed.
        if self._session is None and self._courses and now >= self._opens_at:
            self._opens_at = float("inf")
            opening = nvml_session(self._nvml, deadline_seconds=self._deadline_seconds)
            self._session = self._stack.enter_context(opening)
            with suppress(NvmlCallError):
                watching = self._session.xids(tuple(self._courses))
                self._xids = self._stack.enter_context(watching)
        return self._session

    def _give_up(self, now: float) -> None:
        self._stack.close()
        self._session = self._xids = None
        self._opens_at = now + HANGS_FOR_SECONDS
