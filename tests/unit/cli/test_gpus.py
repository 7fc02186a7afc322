"""``stagerun gpus``: what is shown of a report."""

from dataclasses import replace

import pytest

from runner.cli.gpus import command, lines_of, seconds_of
from runner.errors import UsageError
from runner.observers.plain import cells
from runner.run.gpu_report import (
    GpuHealth,
    GpuReport,
    GpuStatus,
    RunOnGpu,
    Stranger,
    WaitingRun,
)
from tests.unit.cli.bench import Bench

GIB = 1 << 30
UUIDS = [f"GPU-b0c5b0c5-0000-4000-8000-00000000000{number}" for number in range(4)]
RUN = RunOnGpu(
    stage="06_asr",
    job="out/film",
    user="maria",
    run_id="20261129-0900-ab12",
    memory_bytes=20 * GIB,
)


def gpu(number: int, **parts: object) -> GpuStatus:
    usual: dict[str, object] = {
        "index": number,
        "uuid": UUIDS[number],
        "number": str(number),
        "name": "NVIDIA GeForce RTX 4090",
        "memory_total_bytes": 24 * GIB,
        "memory_used_bytes": 22 * GIB + (12 << 20),
        "reserved_bytes": 20 * GIB + (300 << 20),
        "strangers_bytes": 1023 << 20,
        "free_bytes": 1000 << 20,
        "utilisation": 1.0,
        "power_watts": 449.6,
        "temperature_celsius": 101,
    }
    return GpuStatus(**(usual | parts))  # type: ignore[arg-type]  # a test gives what fits


def shown(report: GpuReport) -> str:
    return "\n".join(lines_of(report, colour=False))


def test_a_box_of_four_busy_gpus_fits_into_80_columns() -> None:
    report = GpuReport(driver_version="550.54.15", gpus=tuple(gpu(number) for number in range(4)))

    lines = lines_of(report, colour=False)

    assert len(lines) == 13
    assert max(cells(line) for line in lines) <= 80
    assert "450 W" in lines[-1]
    assert "100 %" in lines[-1]


def test_who_holds_a_gpu_is_named_runs_and_strangers_alike() -> None:
    stranger = Stranger(pid=4711, name="python3", memory_bytes=2 * GIB)
    starting = RunOnGpu(
        stage="07_alignment", job="out/film", user="joan", run_id=None, memory_bytes=GIB
    )
    left = RunOnGpu(
        stage="08_x", job="out/old", user="joan", run_id="1", memory_bytes=GIB, ended=True
    )

    text = shown(GpuReport(gpus=(gpu(2, runs=(RUN, starting, left), strangers=(stranger,)),)))

    assert "2    20 GiB  06_asr of out/film (maria), run 20261129-0900-ab12" in text
    assert "2    1 GiB   07_alignment of out/film (joan), about to start" in text
    assert "2    1 GiB   left by 08_x of out/old (joan), which has ended" in text
    assert "2    2 GiB   process 4711 (python3), of no run" in text


def test_who_waits_is_named_with_what_for_and_behind_whom() -> None:
    waiting = WaitingRun(
        stage="06_asr",
        job="out/second",
        user="joan",
        seconds=64,
        memory_bytes=20 * GIB,
        behind=("06_asr of out/film (maria)",),
    )

    text = shown(GpuReport(gpus=(gpu(0), gpu(1)), waiting=(waiting,)))

    assert "06_asr of out/second (joan) has waited 1:04 for 20 GiB of a GPU\n" in text
    assert "\n  behind 06_asr of out/film (maria)" in text


def test_who_waits_for_whole_gpus_that_other_programs_hold_is_told_so() -> None:
    waiting = WaitingRun(
        stage="06_asr", job="a", user="joan", seconds=3, memory_bytes=1, gpus=2, whole=True
    )

    text = shown(GpuReport(gpus=(gpu(0), gpu(1)), waiting=(waiting,)))

    assert "has waited 3.0 s for all memory of each of 2 GPUs\n  behind other programs" in text
    text = shown(
        GpuReport(gpus=(gpu(0),), waiting=(replace(waiting, memory_bytes=None, whole=False),))
    )
    assert "for memory of each of 2 GPUs\n  until there are as many that can be used" in text


def test_a_gpu_in_trouble_is_told_with_the_reason() -> None:
    sick = gpu(1, health=GpuHealth.SICK, detail="Xid 79")
    silent = GpuStatus(
        index=2, uuid=None, number="2", health=GpuHealth.SILENT, detail="GPU is lost"
    )

    text = shown(GpuReport(gpus=(gpu(0), sick, silent)))

    assert "GPU 1 is sick: Xid 79" in text
    assert "GPU 2 is silent: GPU is lost" in text


def test_what_others_wrote_into_the_ledger_steers_no_terminal() -> None:
    odd = RunOnGpu(stage="\x1b[31m", job="a\nb", user="u", run_id="r", memory_bytes=1)

    text = shown(GpuReport(gpus=(gpu(0, runs=(odd,)),)))

    assert "\x1b" not in text
    assert "a b" in text


def test_a_machine_without_gpus_says_why_and_that_is_no_error(bench: Bench) -> None:
    said = bench.say(command)

    assert said.code == 0
    assert said.text == "no GPU: there is no GPU\n"


def test_the_document_has_a_version_and_the_reason(bench: Bench) -> None:
    document = bench.say(command, "--json").document

    assert document["schema_version"] == 1
    assert document["gpus"] == []
    assert document["absence"] == "there is no GPU"


@pytest.mark.parametrize("interval", ["soon", "0s", "0.01s"])
def test_an_interval_that_is_none_is_refused(interval: str) -> None:
    with pytest.raises(UsageError, match=f"--interval {interval}"):
        seconds_of(interval)
