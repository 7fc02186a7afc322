"""The metrics of GPUs and runs, read by Prometheus' own parser."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runner.job.folder import Job
from runner.run.exposition import Metric, exposition
from runner.run.gpu_report import GpuHealth, GpuReport, GpuStatus, RunOnGpu, WaitingRun
from runner.run.metrics import metrics_of_gpus, metrics_of_runs
from tests.unit.run.conftest import LAST, NEXT, PROBE, Place

BASE_UNITS = ("bytes", "seconds", "watts", "celsius", "joules", "ratio")
OTHER_UNITS = re.compile(r"_(?:kb|mb|gb|mib|gib|ms|milli\w*|percent|kilo\w*)(?:_|$)")
UNITS_OF_COUNTERS = ("_total", "_count", "_sum")
RUN = RunOnGpu(stage="06_asr", job="film", user="maria", run_id="1", memory_bytes=5)
BUSY = GpuStatus(
    index=0,
    uuid="GPU-1",
    number="0",
    name='Fast "GPU"\\2',
    memory_total_bytes=24,
    memory_used_bytes=12,
    reserved_bytes=10,
    strangers_bytes=2,
    free_bytes=11,
    utilisation=0.83,
    power_watts=212.5,
    temperature_celsius=61,
    energy_joules=77.5,
    runs=(RUN, replace(RUN, ended=True)),
)
SILENT = GpuStatus(index=1, uuid=None, number="1", health=GpuHealth.SILENT, detail="GPU is lost")
WAITS = WaitingRun(stage="06_asr", job="film", user="maria", seconds=64.5, memory_bytes=7)


def metrics(report: GpuReport, jobs: Sequence[Job], labels: Mapping[str, str]) -> list[Metric]:
    return [*metrics_of_gpus(report), *metrics_of_runs(jobs, labels)]


def read(
    report: GpuReport, *jobs: Job, labels: Mapping[str, str] | None = None
) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The samples by name: labels and value."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(exposition(metrics(report, jobs, labels or {}))):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_every_name_begins_with_the_program_and_ends_with_its_base_unit() -> None:
    for metric in metrics(GpuReport(gpus=(BUSY,), waiting=(WAITS,)), [], {}):
        assert metric.name.startswith("stagerun_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert not OTHER_UNITS.search(metric.name)
        unit = metric.name.removesuffix("_total").rpartition("_")[2]
        assert unit in BASE_UNITS or unit in {"gpus", "healthy", "runs", "waiting", "record"}
        assert metric.help.endswith(".")


def test_each_gpu_has_its_figures_with_uuid_number_and_name() -> None:
    found = read(GpuReport(gpus=(BUSY,)))

    labels = {"uuid": "GPU-1", "gpu": "0", "name": 'Fast "GPU"\\2'}
    expected = {
        "stagerun_gpu_healthy": 1,
        "stagerun_gpu_memory_total_bytes": 24,
        "stagerun_gpu_memory_used_bytes": 12,
        "stagerun_gpu_memory_reserved_bytes": 10,
        "stagerun_gpu_memory_strangers_bytes": 2,
        "stagerun_gpu_memory_free_bytes": 11,
        "stagerun_gpu_memory_left_bytes": 5,
        "stagerun_gpu_utilisation_ratio": 0.83,
        "stagerun_gpu_power_watts": 212.5,
        "stagerun_gpu_temperature_celsius": 61,
        "stagerun_gpu_energy_joules_total": 77.5,
        "stagerun_gpu_runs": 1,
    }
    assert {name: found[name] for name in expected} == {
        name: [(labels, value)] for name, value in expected.items()
    }


def test_what_a_gpu_does_not_tell_has_no_sample_and_its_silence_has_one() -> None:
    found = read(GpuReport(gpus=(BUSY, SILENT)))

    assert found["stagerun_gpus"] == [({}, 1)]
    assert ({"uuid": "", "gpu": "1", "name": ""}, 0) in found["stagerun_gpu_healthy"]
    assert len(found["stagerun_gpu_power_watts"]) == 1


def test_those_that_wait_are_counted_and_the_longest_wait_is_told() -> None:
    found = read(GpuReport(waiting=(WAITS, WAITS)))

    assert found["stagerun_gpu_runs_waiting"] == [({}, 2)]
    assert found["stagerun_gpu_longest_wait_seconds"] == [({}, 64.5)]


def test_a_machine_without_gpus_has_no_figures_of_any() -> None:
    found = read(GpuReport(absence="there is no driver"))

    assert found == {
        "stagerun_gpus": [({}, 0)],
        "stagerun_gpu_runs_waiting": [({}, 0)],
        "stagerun_gpu_longest_wait_seconds": [({}, 0)],
    }


def change(job: Job, run_id: str | None, **parts: Any) -> None:
    assert run_id is not None
    path = job.run_folder(run_id) / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))


def test_finished_runs_are_counted_from_their_records(place: Place, job: Job) -> None:
    for seconds, verdict, peak in ((4.0, "success", 70), (6.0, "success", 90), (1.0, "oom_gpu", 8)):
        outcome = place.run(job, PROBE, force=True)
        usage = {"memory_peak_bytes": 7, "gpu_memory_peak_bytes": peak, "gpu_energy_joules": 2.5}
        change(job, outcome.run_id, duration_seconds=seconds, verdict=verdict, usage=usage)

    found = read(GpuReport(), job)

    good, bad = ({"stage": PROBE, "verdict": verdict} for verdict in ("success", "oom_gpu"))
    assert found["stagerun_runs_on_record"] == [(bad, 1), (good, 2)]
    assert found["stagerun_runs_on_record_duration_seconds"] == [(bad, 1), (good, 10)]
    assert found["stagerun_runs_on_record_gpu_energy_joules"] == [({"stage": PROBE}, 7.5)]
    assert found["stagerun_run_memory_peak_bytes"] == [({"stage": PROBE}, 7)]
    assert found["stagerun_run_gpu_memory_peak_bytes"] == [({"stage": PROBE}, 90)]


@pytest.mark.parametrize("damaged", ["[]", "{}", '{"usage": 3, "stage_id": 1, "verdict": 2}', "{"])
def test_a_record_that_is_damaged_hides_no_other(place: Place, job: Job, damaged: str) -> None:
    runs = [place.run(job, stage).run_id for stage in (PROBE, NEXT, LAST)]
    (job.run_folder(str(runs[-1])) / "record.json").write_text(damaged)

    assert len(read(GpuReport(), job)["stagerun_runs_on_record"]) == 2


def test_what_falls_when_records_are_cleaned_away_is_no_counter(place: Place, job: Job) -> None:
    place.run(job, PROBE)
    on_record = [metric for metric in metrics_of_runs([job], {}) if metric.samples]

    assert {metric.kind for metric in on_record} == {"gauge"}
    assert not [metric.name for metric in on_record if metric.name.endswith(UNITS_OF_COUNTERS)]


def test_figures_of_runs_in_two_files_of_a_folder_are_told_apart(place: Place, job: Job) -> None:
    place.run(job, PROBE)
    found = read(GpuReport(), job, labels={"jobs": "lab"})

    labels = {"jobs": "lab", "stage": PROBE, "verdict": "success"}
    assert found["stagerun_runs_on_record"] == [(labels, 1)]
