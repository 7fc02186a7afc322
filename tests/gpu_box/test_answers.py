"""What a run does about trouble with its GPU: it goes down a ladder, moves, or goes on."""

import signal

import pytest

from tests.faults.calls import ended, wait_until
from tests.gpu_box.box import UUIDS, GpuBox
from tests.nvml_stub import GIB

pytestmark = [pytest.mark.docker, pytest.mark.engine, pytest.mark.root]
LADDER = """\
config:
  BATCH: {type: int, default: "8", help: Things at once}
retry:
  - {on: oom_gpu, attempts: 3, wait: 0, set: {BATCH: {by: halve, down_to: "4"}}}
"""
BY_BATCH = (
    "from shared.config import load_config",
    "fake_cuda.allocate(4 * GIB * load_config().get_int('BATCH'))",
    "fake_cuda.hold(1.2)",
)
FALLEN_OFF_THE_BUS = 79


def test_a_batch_that_is_too_large_is_halved_and_the_next_job_begins_there(box: GpuBox) -> None:
    box.stage(*BY_BATCH, memory="20GiB", more=LADDER)

    first, second = box.run(box.kit.job("first")), box.run(box.kit.job("second"))

    assert (first.code, second.code) == (0, 0), first.text + second.text
    assert "attempt 1 of 3: out of GPU memory" in first.text
    assert "The next attempt has BATCH 4 instead of 8." in first.text
    assert "out of GPU memory" not in second.text
    assert first.record is not None
    assert second.record is not None
    assert first.record["attempt"]["number"] == 2
    assert second.record["attempt"]["number"] == 1
    assert second.record["config"]["BATCH"]["value"] == "4"
    fitted = f"since this fitted into the GPU's memory in run {first.record['run_id']}"
    assert any(fitted in warning for warning in second.record["warnings"])


def test_a_stage_whose_gpu_falls_off_the_bus_runs_again_on_another(box: GpuBox) -> None:
    job = box.kit.job()
    box.stage(
        "fake_cuda.allocate(GIB)",
        f"fake_cuda.hold(30 if fake_cuda.visible_gpus() == ['{UUIDS[0]}'] else 1.2)",
    )
    with box.started(job) as process:
        wait_until(lambda: bool(box.driver.holders(UUIDS[0])), "the stage holds its GPU", 60)
        box.driver.report_xid(UUIDS[0], FALLEN_OFF_THE_BUS)
        text, _ = process.communicate(timeout=60)

    outcome = ended(job, "50_probe", process.returncode, text)
    assert (outcome.code, outcome.verdict) == (0, "success"), text
    assert "attempt 1 of 1: GPU lost" in text
    assert f"Xid {FALLEN_OFF_THE_BUS}" in text
    assert outcome.record is not None
    assert outcome.record["gpu"]["uuids"] == [UUIDS[1]]
    assert outcome.record["attempt"]["number"] == 1
    assert f"{UUIDS[0]} is left out: the driver reported Xid" in box.stagerun("doctor").stdout


def test_a_runner_that_is_killed_takes_no_memory_away_from_its_container(box: GpuBox) -> None:
    until_told = "while not Path('/job/input/go').exists(): fake_cuda.hold(0.2)"
    box.stage("fake_cuda.allocate(GIB)", until_told, memory="20GiB")
    job, other = box.kit.job("first"), box.kit.job("other")
    (other / "input/go").touch()
    with box.started(job) as process:
        wait_until(lambda: bool(box.driver.holders(UUIDS[0])), "the stage holds its GPU", 60)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    assert "50_probe" in box.stagerun("gpus").stdout

    beside = box.run(other)

    assert beside.code == 0, beside.text
    assert beside.record is not None
    assert beside.record["gpu"]["uuids"] != [UUIDS[0]]
    (job / "input/go").touch()
    adopted = box.run(job)
    assert adopted.code == 0, adopted.text
    assert adopted.record is not None
    assert adopted.record["gpu"]["memory_bytes"] == [20 * GIB]
    assert "50_probe" not in box.stagerun("gpus").stdout
