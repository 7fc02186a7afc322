"""Measures one running container from the host: memory, CPU, block I/O and its share of the GPUs.

Nothing here ends a run: what cannot be measured is None.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from runner.host.cgroup import ROOT, Cgroup, CgroupReading, find_cgroup, read_text
from runner.host.figures import TimeMean, largest
from runner.host.gpu_curve import CurvePoint, GpuUse
from runner.host.granted_gpus import GpuShare, GrantedGpus
from runner.host.nvml import Nvml


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A container at one moment: bytes and seconds since its start; None where not measured.

    ``memory_bytes`` leaves out file cache that can be dropped, ``memory_peak_bytes`` is the
    kernel's mark and includes it. ``gpu_memory_bytes`` is what the container's processes hold on
    the granted GPUs, ``gpu_utilisation`` the mean of those GPUs as a whole, from 0 to 1; ``gpu`` is
    all that was seen of them.
    """

    time: datetime
    memory_bytes: int | None = None
    memory_peak_bytes: int | None = None
    cpu_seconds: float | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    gpu_memory_bytes: int | None = None
    gpu_utilisation: float | None = None
    gpu: GpuShare = field(default_factory=GpuShare)


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a container used over its life, in bytes and seconds; None where not measured.

    ``memory_peak_bytes`` is the kernel's mark, file cache included (the largest sample where the
    kernel keeps no mark). Means are over time. Block I/O on cgroup v1 is a lower bound: processes
    that live between two samples are not seen.

    ``gpu_used`` says whether a process of the container was ever seen on a granted GPU; None when
    no GPU was watched. ``gpu_samples`` counts the samples in which all granted GPUs named their
    processes, ``gpu_pids`` are those of the container that were seen there (of many the latest).
    ``gpu_energy_joules`` is what the GPUs as a whole took during the run, whoever else used them.
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
    gpu_samples: int = 0
    gpu_pids: tuple[int, ...] = ()
    gpu_energy_joules: float | None = None
    gpus: dict[str, GpuUse] = field(default_factory=dict)

    @property
    def gpu_memory_peaks(self) -> dict[str, int]:
        """The most that the container held on each GPU whose memory could be measured, by UUID."""
        peaks = {uuid: use.memory_peak_bytes for uuid, use in self.gpus.items()}
        return {uuid: peak for uuid, peak in peaks.items() if peak is not None}

    @property
    def without_curves(self) -> "Usage":
        """The same with the figures of each GPU and not its course."""
        return replace(
            self, gpus={uuid: replace(use, points=()) for uuid, use in self.gpus.items()}
        )


def usage_from(plain: Mapping[str, Any]) -> Usage:
    """The usage of which ``dataclasses.asdict`` and JSON made this. Raises KeyError, TypeError."""
    gpus = {uuid: _gpu_use(use) for uuid, use in plain.get("gpus", {}).items()}
    return Usage(**{**plain, "gpu_pids": tuple(plain.get("gpu_pids", ())), "gpus": gpus})


def _gpu_use(plain: Mapping[str, Any]) -> GpuUse:
    return GpuUse(**{**plain, "points": tuple(CurvePoint(**point) for point in plain["points"])})


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
        self._gpus = GrantedGpus(gpus, nvml)
        self._clock = clock
        self._totals = _Totals()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._gpus.close(self._clock())

    def sample(self) -> Sample:
        """Look once, and keep what `summary` needs."""
        cgroup = self._cgroup
        pids = frozenset[int]() if cgroup is None else cgroup.pids()
        reading = CgroupReading() if cgroup is None else self._complete(cgroup, pids)
        now = self._clock()
        share = self._gpus.look(None if cgroup is None else pids, now)
        sample = Sample(
            time=datetime.now(UTC),
            memory_bytes=reading.memory_bytes,
            memory_peak_bytes=reading.memory_peak_bytes,
            cpu_seconds=reading.cpu_seconds,
            read_bytes=reading.read_bytes,
            write_bytes=reading.write_bytes,
            gpu_memory_bytes=share.memory_bytes,
            gpu_utilisation=share.utilisation,
            gpu=share,
        )
        self._totals.add(sample, now)
        return sample

    @property
    def awaits_gpu_use(self) -> bool:
        """Whether GPUs were granted and no process of the container was seen there yet."""
        return self._gpus.used is False

    def summary(self) -> Usage:
        """What all samples up to now say together."""
        gpus = self._gpus.uses
        return replace(
            self._totals.usage(),
            gpu_used=self._gpus.used,
            gpu_samples=self._gpus.samples,
            gpu_pids=self._gpus.pids,
            gpu_energy_joules=_sum(use.energy_joules for use in gpus.values()),
            gpus=gpus,
        )

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


def _sum(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None


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


class _Totals:
    """Sums, marks and means of all samples, in constant space."""

    def __init__(self) -> None:
        self._usage = Usage()
        self._largest_memory: int | None = None
        self._memory = TimeMean()
        self._utilisation = TimeMean()
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
