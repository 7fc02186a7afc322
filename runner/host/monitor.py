"""Measures one running container from the host: memory, CPU, block I/O and its share of the GPUs.

Nothing here ends a run: what cannot be measured is None.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TypeVar

from runner.host.cgroup import ROOT, Cgroup, CgroupReading, find_cgroup, read_text
from runner.host.nvml import GpuReading, Nvml, NvmlCallError, NvmlSession, nvml_session

Figure = TypeVar("Figure", int, float)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A container at one moment: bytes and seconds since its start; None where not measured.

    ``memory_bytes`` leaves out file cache that can be dropped, ``memory_peak_bytes`` is the
    kernel's mark and includes it. ``gpu_memory_bytes`` is what the container's processes hold on
    the granted GPUs, ``gpu_utilisation`` the mean of those GPUs as a whole, from 0 to 1.
    """

    time: datetime
    memory_bytes: int | None = None
    memory_peak_bytes: int | None = None
    cpu_seconds: float | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    gpu_memory_bytes: int | None = None
    gpu_utilisation: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a container used over its life, in bytes and seconds; None where not measured.

    ``memory_peak_bytes`` is the kernel's mark, file cache included (the largest sample where the
    kernel keeps no mark). Means are over time. Block I/O on cgroup v1 is a lower bound: processes
    that live between two samples are not seen. ``gpu_used`` says whether a process of the
    container was ever seen on a granted GPU; None when no GPU was watched.
    """

    samples: int = 0
    memory_peak_bytes: int | None = None
    memory_mean_bytes: int | None = None
    cpu_seconds: float | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    gpu_memory_peak_bytes: int | None = None
    gpu_utilisation_peak: float | None = None
    gpu_utilisation_mean: float | None = None
    gpu_used: bool | None = None


class Monitor:
    """Measures the container whose first process is ``container_pid`` on the host.

    ``gpus`` are the UUIDs that it was granted. Use it as a context manager when there are any: NVML
    is opened by the first sample and closed at the end. Memory use does not grow with the run.
    """

    def __init__(
        self,
        container_pid: int,
        *,
        gpus: Sequence[str] = (),
        nvml: Nvml | None = None,
        root: Path = ROOT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cgroup = find_cgroup(container_pid, root)
        self._traffic = _ProcessTraffic(root)
        self._gpus = _GrantedGpus(tuple(gpus), nvml)
        self._clock = clock
        self._totals = _Totals()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._gpus.close()

    def sample(self) -> Sample:
        """Look once, and keep what `summary` needs."""
        cgroup = self._cgroup
        pids = frozenset[int]() if cgroup is None else cgroup.pids()
        reading = CgroupReading() if cgroup is None else self._complete(cgroup, pids)
        gpu_memory, gpu_utilisation = self._gpus.share_of(pids)
        sample = Sample(
            time=datetime.now(UTC),
            memory_bytes=reading.memory_bytes,
            memory_peak_bytes=reading.memory_peak_bytes,
            cpu_seconds=reading.cpu_seconds,
            read_bytes=reading.read_bytes,
            write_bytes=reading.write_bytes,
            gpu_memory_bytes=gpu_memory,
            gpu_utilisation=gpu_utilisation,
        )
        self._totals.add(sample, self._clock())
        return sample

    def summary(self) -> Usage:
        """What all samples up to now say together."""
        return replace(self._totals.usage(), gpu_used=self._gpus.used)

    def _complete(self, cgroup: Cgroup, pids: frozenset[int]) -> CgroupReading:
        """The group's figures, with the I/O that only its processes know of."""
        reading = cgroup.read()
        if cgroup.counts_all_io:
            return reading
        self._traffic.update(pids)
        return replace(
            reading,
            read_bytes=largest(reading.read_bytes, self._traffic.read_bytes),
            write_bytes=largest(reading.write_bytes, self._traffic.write_bytes),
        )


class _GrantedGpus:
    """The GPUs of one run, and what the processes of its container hold on them."""

    def __init__(self, uuids: tuple[str, ...], nvml: Nvml | None) -> None:
        self.used: bool | None = None
        self._uuids = uuids
        self._nvml = nvml
        self._stack = ExitStack()
        self._session: NvmlSession | None = None
        self._opened = False

    def close(self) -> None:
        self._stack.close()

    def share_of(self, pids: frozenset[int]) -> tuple[int | None, float | None]:
        """Bytes that these processes hold, and how busy the GPUs are as a whole."""
        readings = self._readings()
        if not readings:
            return None, None
        seen = [found for reading in readings for found in reading.processes or ()]
        held = [found for found in seen if found.pid in pids]
        self.used = bool(held or self.used)
        known = [found.memory_bytes for found in held if found.memory_bytes is not None]
        busy = [reading.utilisation for reading in readings if reading.utilisation is not None]
        memory = None if held and not known else sum(known)
        return memory, sum(busy) / len(busy) if busy else None

    def _readings(self) -> list[GpuReading]:
        try:
            session = self._open()
            return [] if session is None else [session.reading(uuid) for uuid in self._uuids]
        except NvmlCallError:
            return []

    def _open(self) -> NvmlSession | None:
        # Once, and not before the first sample: opening NVML can take seconds.
        if self._uuids and not self._opened:
            self._opened = True
            self._session = self._stack.enter_context(nvml_session(self._nvml))
        return self._session


class _ProcessTraffic:
    """Bytes that processes moved to and from storage; those that ended keep their last figure.

    This is what cgroup v1 leaves out: it charges delayed writes to the machine, and newer kernels
    count nothing at all for a disk on which no throttle is set.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._ended = (0, 0)
        self._running: dict[int, tuple[int, int]] = {}
        self._seen = False

    @property
    def read_bytes(self) -> int | None:
        return self._sum(0)

    @property
    def write_bytes(self) -> int | None:
        return self._sum(1)

    def update(self, pids: frozenset[int]) -> None:
        for pid in set(self._running) - pids:
            self._end(pid)
        for pid in pids:
            figures = self._read(pid)
            if figures is None:
                continue
            self._seen = True
            earlier = self._running.get(pid, (0, 0))
            if figures[0] < earlier[0] or figures[1] < earlier[1]:
                self._end(pid)  # another process with the number of one that ended
            self._running[pid] = figures

    def _end(self, pid: int) -> None:
        read_bytes, write_bytes = self._running.pop(pid)
        self._ended = (self._ended[0] + read_bytes, self._ended[1] + write_bytes)

    def _read(self, pid: int) -> tuple[int, int] | None:
        text = read_text(self._root / "proc" / str(pid) / "io")
        if text is None:
            return None
        figures = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        try:
            return int(figures["read_bytes"]), int(figures["write_bytes"])
        except (KeyError, ValueError):
            return None

    def _sum(self, which: int) -> int | None:
        if not self._seen:
            return None
        return self._ended[which] + sum(figures[which] for figures in self._running.values())


@dataclass(slots=True)
class _Mean:
    """Mean over time: a figure counts for the time since the one before."""

    _weighted: float = 0.0
    _seconds: float = 0.0
    _last: float | None = None

    def add(self, figure: float | None, seconds: float) -> None:
        if figure is None:
            return
        self._last = figure
        self._weighted += figure * seconds
        self._seconds += seconds

    def value(self) -> float | None:
        return self._weighted / self._seconds if self._seconds else self._last


class _Totals:
    """Sums, marks and means of all samples, in constant space."""

    def __init__(self) -> None:
        self._usage = Usage()
        self._largest_memory: int | None = None
        self._memory = _Mean()
        self._utilisation = _Mean()
        self._time: float | None = None

    def add(self, sample: Sample, now: float) -> None:
        seconds = 0.0 if self._time is None else now - self._time
        self._time = now
        self._memory.add(sample.memory_bytes, seconds)
        self._utilisation.add(sample.gpu_utilisation, seconds)
        self._largest_memory = largest(self._largest_memory, sample.memory_bytes)
        old = self._usage
        self._usage = Usage(
            samples=old.samples + 1,
            memory_peak_bytes=largest(old.memory_peak_bytes, sample.memory_peak_bytes),
            cpu_seconds=largest(old.cpu_seconds, sample.cpu_seconds),
            read_bytes=largest(old.read_bytes, sample.read_bytes),
            write_bytes=largest(old.write_bytes, sample.write_bytes),
            gpu_memory_peak_bytes=largest(old.gpu_memory_peak_bytes, sample.gpu_memory_bytes),
            gpu_utilisation_peak=largest(old.gpu_utilisation_peak, sample.gpu_utilisation),
        )

    def usage(self) -> Usage:
        memory_mean = self._memory.value()
        return replace(
            self._usage,
            memory_peak_bytes=largest(self._usage.memory_peak_bytes, self._largest_memory),
            memory_mean_bytes=None if memory_mean is None else round(memory_mean),
            gpu_utilisation_mean=self._utilisation.value(),
        )


def largest(first: Figure | None, second: Figure | None) -> Figure | None:
    """The larger of two figures of which either may be unknown."""
    if first is None or second is None:
        return second if first is None else first
    return max(first, second)
