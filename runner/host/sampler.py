"""Samples a running container in a thread of its own."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from runner.host.cgroup import ROOT
from runner.host.monitor import Monitor, Sample, Usage
from runner.host.nvml import Nvml

# Close together at first, so that a stage of a second has more than one figure.
INTERVALS_SECONDS: Final = (0.1, 0.5, 1.0)
# A stage that uses its GPU for half a second shall be seen to; most begin with it in that time.
AWAITING_USE_SECONDS: Final = 0.2
SAMPLES_FOR_USE: Final = 150


class Sampler:
    """Takes the samples of a `Monitor` one after the other; `sampling` is how to get one."""

    def __init__(
        self,
        monitor: Monitor,
        on_sample: Callable[[Sample], None] | None,
        intervals: Sequence[float],
    ) -> None:
        self._monitor = monitor
        self._on_sample = on_sample
        self._intervals = intervals
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="resource-sampler", daemon=True)

    def start(self) -> None:
        """Begin; the first sample is taken at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; it does not finish an interval."""
        self._stop.set()
        self._thread.join()

    def summary(self) -> Usage:
        """What the samples up to now say together; also after the end."""
        return self._monitor.summary()

    def raise_error(self) -> None:
        """Raise what the observer of the samples raised, if it did."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._take_samples()
        except Exception as error:
            self._error = error

    def _take_samples(self) -> None:
        taken = 0
        while True:
            sample = self._monitor.sample()
            if self._on_sample is not None:
                self._on_sample(sample)
            interval = self._intervals[min(taken, len(self._intervals) - 1)]
            if taken < SAMPLES_FOR_USE and self._monitor.awaits_gpu_use:
                interval = min(interval, AWAITING_USE_SECONDS)
            taken += 1
            if self._stop.wait(interval):
                return


@contextmanager
def sampling(
    container_pid: int,
    *,
    gpus: Sequence[str] = (),
    on_sample: Callable[[Sample], None] | None = None,
    intervals: Sequence[float] = INTERVALS_SECONDS,
    nvml: Nvml | None = None,
    root: Path = ROOT,
) -> Iterator[Sampler]:
    """Sample a container in a thread: at once, then after each interval, the last one repeated.

    ``gpus`` are the granted UUIDs, ``intervals`` seconds. The thread ends with the block. An error
    that ``on_sample`` raised ends the sampling and is raised at the end of the block.
    """
    with Monitor(container_pid, gpus=gpus, nvml=nvml, root=root) as monitor:
        sampler = Sampler(monitor, on_sample, intervals)
        sampler.start()
        try:
            yield sampler
        finally:
            sampler.stop()
    sampler.raise_error()
