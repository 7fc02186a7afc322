"""The GPUs of one run, and what the processes of its container do on them."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
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
    nvml_session,
)

MOST_PIDS: Final = 256
HANGS_FOR_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class GpuShare:
    """What a container's processes hold on its GPUs in bytes, and how busy these are as a whole."""

    memory_bytes: int | None = None
    utilisation: float | None = None


class GrantedGpus:
    """Looks at the GPUs of a run; what they do not tell is None, and nothing here raises.

    ``used`` says whether a process of the container was ever seen on one of them, None while that
    could not be told; ``samples`` counts the looks in which all of them named their processes, and
    ``pids`` has the container's processes that were seen there, the latest if there were many.
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
        self._pids: dict[int, None] = {}
        self._courses = {uuid: GpuCourse() for uuid in uuids}
        self._nvml = nvml
        self._deadline_seconds = deadline_seconds
        self._stack = ExitStack()
        self._session: NvmlSession | None = None
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

    def look(self, pids: frozenset[int], now: float) -> GpuShare:
        """Look once, at a time in seconds; ``pids`` are the container's processes."""
        readings = self._readings(now)
        if not readings:
            return GpuShare()
        first, before = self._times or (now, now)
        self._times = (first, now)
        memory: int | None = None
        for uuid, reading in readings.items():
            held = self._held(reading, pids)
            self._courses[uuid].add(reading, held, now - first, now - before)
            memory = held if memory is None else memory + (held or 0)
        self._count(readings)
        busy = [found.utilisation for found in readings.values() if found.utilisation is not None]
        return GpuShare(memory, sum(busy) / len(busy) if busy else None)

    def close(self, now: float) -> None:
        """Look at the counters of energy once more, and give NVML back."""
        if self._session is not None and self._times is not None:
            for uuid, reading in self._readings(now).items():
                self._courses[uuid].end(reading, now - self._times[1])
        self._stack.close()

    def _held(self, reading: GpuReading, pids: frozenset[int]) -> int | None:
        """Bytes that the container's processes hold; None where the driver does not tell."""
        if reading.processes is None:
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
        return self._session

    def _give_up(self, now: float) -> None:
        self._stack.close()
        self._session = None
        self._opens_at = now + HANGS_FOR_SECONDS
