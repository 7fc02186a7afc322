"""The figures of GPUs and runs as Prometheus' metrics.

Figures of GPUs are of this moment. Those of runs are counted from the records that jobs have on
disk: they last as long as those do, and need no process that counts.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from runner.job.folder import Job
from runner.job.job_manifest import read_record
from runner.job.journal import all_open_runs
from runner.run.exposition import Metric, Sample
from runner.run.gpu_report import GpuHealth, GpuReport, GpuStatus
from runner.run.overview import live_run

Figure = Callable[[GpuStatus], float | None]

GPU_FIGURES: Final[tuple[tuple[str, Literal["counter", "gauge"], str, Figure], ...]] = (
    (
        "stagerun_gpu_healthy",
        "gauge",
        "1 for a GPU that can be used, 0 for one that does not answer or is left out as sick.",
        lambda gpu: float(gpu.health in {GpuHealth.OK, GpuHealth.WITHHELD}),
    ),
    (
        "stagerun_gpu_memory_total_bytes",
        "gauge",
        "Memory of the GPU.",
        lambda gpu: gpu.memory_total_bytes,
    ),
    (
        "stagerun_gpu_memory_used_bytes",
        "gauge",
        "Memory in use, whoever uses it.",
        lambda gpu: gpu.memory_used_bytes,
    ),
    (
        "stagerun_gpu_memory_reserved_bytes",
        "gauge",
        "Memory that runs have a right to, or hold beyond it.",
        lambda gpu: gpu.reserved_bytes,
    ),
    (
        "stagerun_gpu_memory_strangers_bytes",
        "gauge",
        "Memory that is no run's: of other programs and of the driver.",
        lambda gpu: gpu.strangers_bytes,
    ),
    (
        "stagerun_gpu_memory_free_bytes",
        "gauge",
        "Memory that a run can have now.",
        lambda gpu: gpu.free_bytes,
    ),
    (
        "stagerun_gpu_memory_left_bytes",
        "gauge",
        "Memory that did not come back when its run had ended.",
        lambda gpu: sum(run.memory_bytes for run in gpu.runs if run.ended),
    ),
    (
        "stagerun_gpu_utilisation_ratio",
        "gauge",
        "Share of the time in which the GPU computed, 0 to 1.",
        lambda gpu: gpu.utilisation,
    ),
    ("stagerun_gpu_power_watts", "gauge", "What the GPU draws.", lambda gpu: gpu.power_watts),
    (
        "stagerun_gpu_temperature_celsius",
        "gauge",
        "Temperature of the GPU.",
        lambda gpu: gpu.temperature_celsius,
    ),
    (
        "stagerun_gpu_energy_joules_total",
        "counter",
        "What the GPU took since its driver was loaded.",
        lambda gpu: gpu.energy_joules,
    ),
    (
        "stagerun_gpu_runs",
        "gauge",
        "Runs that have memory of the GPU.",
        lambda gpu: sum(not run.ended for run in gpu.runs),
    ),
)


@dataclass
class RunCounts:
    """What the runs of some jobs come to; seconds, bytes; keys are stage, and verdict or state."""

    live: Counter[tuple[str, str]] = field(default_factory=Counter)
    finished: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    memory_peaks: dict[str, int] = field(default_factory=dict)
    gpu_memory_peaks: dict[str, int] = field(default_factory=dict)
    gpu_joules: dict[str, float] = field(default_factory=dict)

    def add(self, job: Job) -> None:
        """Count a job's runs; what cannot be read counts for nothing."""
        for folder in job.runs():
            if record := read_record(job, folder.name):
                self._add_record(record)
        for stage, runs in all_open_runs(job, skip_unreadable=True).items():
            if found := live_run(job, stage, runs):
                self.live[stage, str(found.state)] += 1

    def _add_record(self, record: dict[str, Any]) -> None:
        try:
            key = (str(record["stage_id"]), str(record["verdict"]))
            seconds = float(record["duration_seconds"])
            usage = dict(record["usage"])
        except (KeyError, TypeError, ValueError):
            return
        self._add_usage(key[0], usage)
        self.finished[key] += 1
        self.seconds[key] += seconds

    def _add_usage(self, stage: str, usage: dict[str, Any]) -> None:
        peaks = (usage.get("memory_peak_bytes"), usage.get("gpu_memory_peak_bytes"))
        for known, peak in zip((self.memory_peaks, self.gpu_memory_peaks), peaks, strict=True):
            if isinstance(peak, int):
                known[stage] = max(known.get(stage, 0), peak)
        if isinstance(joules := usage.get("gpu_energy_joules"), int | float):
            self.gpu_joules[stage] = self.gpu_joules.get(stage, 0.0) + joules


def metrics(report: GpuReport, jobs: Iterable[Job]) -> list[Metric]:
    """All metrics, of the GPUs of this machine and of the runs of these jobs."""
    counts = RunCounts()
    for job in jobs:
        counts.add(job)
    return [*_of_gpus(report), *_of_runs(counts)]


def _of_gpus(report: GpuReport) -> Iterator[Metric]:
    answering = sum(gpu.health is not GpuHealth.SILENT for gpu in report.gpus)
    yield _gauge("stagerun_gpus", "GPUs that answer.", [Sample(answering, {})])
    for name, kind, text, figure in GPU_FIGURES:
        samples = [
            Sample(value, _labels(gpu)) for gpu in report.gpus if (value := figure(gpu)) is not None
        ]
        yield Metric(name, kind, text, samples)
    waiting = len(report.waiting)
    yield _gauge("stagerun_gpu_runs_waiting", "Runs that wait for a GPU.", [Sample(waiting, {})])
    longest = max((run.seconds for run in report.waiting), default=0.0)
    yield _gauge(
        "stagerun_gpu_longest_wait_seconds",
        "How long the run has waited that waits longest for a GPU now.",
        [Sample(longest, {})],
    )


def _of_runs(counts: RunCounts) -> Iterator[Metric]:
    yield _gauge(
        "stagerun_runs",
        "Runs that no runner has closed, by how they stand.",
        [
            Sample(number, {"stage": stage, "state": state})
            for (stage, state), number in sorted(counts.live.items())
        ],
    )
    finished = sorted(counts.finished.items())
    yield Metric(
        "stagerun_runs_finished_total",
        "counter",
        "Runs that have ended and are on record.",
        [Sample(number, _ended(key)) for key, number in finished],
    )
    yield Metric(
        "stagerun_run_duration_seconds",
        "summary",
        "How long runs on record took.",
        [
            sample
            for key, number in finished
            for sample in (
                Sample(counts.seconds[key], _ended(key), "_sum"),
                Sample(number, _ended(key), "_count"),
            )
        ],
    )
    yield Metric(
        "stagerun_run_gpu_energy_joules_total",
        "counter",
        "What GPUs took during runs on record.",
        [Sample(joules, {"stage": stage}) for stage, joules in sorted(counts.gpu_joules.items())],
    )
    yield _peak("stagerun_run_memory_peak_bytes", "memory", counts.memory_peaks)
    yield _peak("stagerun_run_gpu_memory_peak_bytes", "GPU memory", counts.gpu_memory_peaks)


def _peak(name: str, what: str, peaks: dict[str, int]) -> Metric:
    samples = [Sample(peak, {"stage": stage}) for stage, peak in sorted(peaks.items())]
    return _gauge(name, f"The most {what} that a run on record took.", samples)


def _gauge(name: str, text: str, samples: Sequence[Sample]) -> Metric:
    return Metric(name, "gauge", text, samples)


def _labels(gpu: GpuStatus) -> dict[str, str]:
    return {"uuid": gpu.uuid or "", "gpu": gpu.number or "", "name": gpu.name or ""}


def _ended(key: tuple[str, str]) -> dict[str, str]:
    return {"stage": key[0], "verdict": key[1]}
