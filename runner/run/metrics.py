"""The figures of GPUs and runs as Prometheus' metrics.

Figures of GPUs are of this moment. Those of runs are counted from the records that jobs have on
disk: they last as long as those do, and need no process that counts. They fall when records are
cleaned away or other jobs are named, which a counter may not, so they are gauges.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    """What the runs of some jobs come to; seconds, bytes, joules.

    The keys are a stage, and where there are two of them its verdict or state.
    """

    live: Counter[tuple[str, str]] = field(default_factory=Counter)
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    memory_peaks: dict[tuple[str], int] = field(default_factory=dict)
    gpu_memory_peaks: dict[tuple[str], int] = field(default_factory=dict)
    gpu_joules: dict[tuple[str], float] = field(default_factory=dict)

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
        self.ended[key] += 1
        self.seconds[key] += seconds

    def _add_usage(self, stage: str, usage: dict[str, Any]) -> None:
        peaks = (usage.get("memory_peak_bytes"), usage.get("gpu_memory_peak_bytes"))
        for known, peak in zip((self.memory_peaks, self.gpu_memory_peaks), peaks, strict=True):
            if isinstance(peak, int):
                known[stage,] = max(known.get((stage,), 0), peak)
        if isinstance(joules := usage.get("gpu_energy_joules"), int | float):
            self.gpu_joules[stage,] = self.gpu_joules.get((stage,), 0.0) + joules


RUN_FIGURES: Final[
    tuple[tuple[str, str, tuple[str, ...], Callable[[RunCounts], Mapping[Any, float]]], ...]
] = (
    (
        "stagerun_runs",
        "Runs that no runner has closed, by how they stand.",
        ("stage", "state"),
        lambda counts: counts.live,
    ),
    (
        "stagerun_runs_on_record",
        "Runs that have ended and are on record.",
        ("stage", "verdict"),
        lambda counts: counts.ended,
    ),
    (
        "stagerun_runs_on_record_duration_seconds",
        "How long the runs on record took, all together.",
        ("stage", "verdict"),
        lambda counts: counts.seconds,
    ),
    (
        "stagerun_runs_on_record_gpu_energy_joules",
        "What GPUs took during the runs on record, all together.",
        ("stage",),
        lambda counts: counts.gpu_joules,
    ),
    (
        "stagerun_run_memory_peak_bytes",
        "The most memory that a run on record took.",
        ("stage",),
        lambda counts: counts.memory_peaks,
    ),
    (
        "stagerun_run_gpu_memory_peak_bytes",
        "The most GPU memory that a run on record took.",
        ("stage",),
        lambda counts: counts.gpu_memory_peaks,
    ),
)
"""Name, help, the labels that are a figure's key, and the figures."""


def metrics_of_gpus(report: GpuReport) -> Iterator[Metric]:
    """The figures of the GPUs of this machine."""
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


def metrics_of_runs(jobs: Iterable[Job], labels: Mapping[str, str]) -> Iterator[Metric]:
    """The figures of the runs of these jobs, each with these labels as well."""
    counts = RunCounts()
    for job in jobs:
        counts.add(job)
    for name, text, names, figures in RUN_FIGURES:
        samples = [
            Sample(value, {**labels, **dict(zip(names, key, strict=True))})
            for key, value in sorted(figures(counts).items())
        ]
        yield _gauge(name, text, samples)


def _gauge(name: str, text: str, samples: Sequence[Sample]) -> Metric:
    return Metric(name, "gauge", text, samples)


def _labels(gpu: GpuStatus) -> dict[str, str]:
    return {"uuid": gpu.uuid or "", "gpu": gpu.number or "", "name": gpu.name or ""}
