"""What a run on the box is held to, and what its user is told: scenes from the command line."""

import json
import signal

import pytest

from tests.faults.calls import Ended, ended, read_until, wait_until
from tests.gpu_box.box import UUIDS, GpuBox
from tests.gpu_box.card import Afterlife
from tests.nvml_stub import GIB

pytestmark = [pytest.mark.docker, pytest.mark.engine, pytest.mark.root]
FALLEN_OFF_THE_BUS = 79
LADDER = """\
config: {BATCH: {type: int, default: 8, help: How much at once}}
retry: {on: [oom_gpu], attempts: 3, set: {BATCH: halve}}
"""


def told(outcome: Ended) -> str:
    """What was printed, on one line."""
    return " ".join(outcome.text.split())


def gpus(outcome: Ended) -> list[str]:
    assert outcome.record is not None, outcome.text
    found: list[str] = outcome.record["gpu"]["uuids"]
    return found


def test_memory_that_does_not_come_back_is_named_and_granted_to_nobody(box: GpuBox) -> None:
    box.stage("fake_cuda.allocate(4 * GIB)", "fake_cuda.hold(1.5)")
    at_rest = box.driver.used_bytes(UUIDS[0])
    box.driver.keep_memory(UUIDS[0], Afterlife())
    job = box.kit.job()

    outcome = box.run(job)

    assert outcome.code == 0, outcome.text
    assert f"4 GiB of the memory of {UUIDS[0]} have not come back" in told(outcome)
    assert box.driver.used_bytes(UUIDS[0]) == at_rest + 4 * GIB
    assert f"left by 50_probe of out/{job.name}" in box.stagerun("gpus").stdout
    box.driver.give_memory_back(UUIDS[0])
    assert box.driver.used_bytes(UUIDS[0]) == at_rest
    assert "50_probe" not in box.stagerun("gpus").stdout


def test_a_run_whose_gpu_is_lost_goes_on_with_another_and_the_sick_one_is_left_out(
    box: GpuBox,
) -> None:
    job = box.kit.job()
    first = f"fake_cuda.visible_gpus() == [{UUIDS[0]!r}]"
    box.stage("fake_cuda.allocate(GIB)", f"fake_cuda.hold(30 if {first} else 1.5)")
    with box.started(job) as process:
        wait_until(lambda: bool(box.driver.holders(UUIDS[0])), "the stage holds its GPU")
        box.driver.report_xid(UUIDS[0], FALLEN_OFF_THE_BUS)
        text, _ = process.communicate(timeout=60)
    outcome = ended(job, "50_probe", process.returncode, text)

    assert outcome.code == 0, text
    assert f"Xid {FALLEN_OFF_THE_BUS}" in text
    assert gpus(outcome) == [UUIDS[1]]
    assert "GPU 0 is sick: " in box.stagerun("gpus").stdout


def test_a_stage_that_takes_more_than_it_asked_for_is_told_so(box: GpuBox) -> None:
    box.stage("fake_cuda.allocate(3 * GIB)", "fake_cuda.hold(1.5)", memory="1GiB")

    outcome = box.run(box.kit.job())

    assert outcome.code == 0, outcome.text
    assert "it holds 3 GiB" in told(outcome)
    assert "raise gpu_memory" in told(outcome)


def test_a_stage_whose_limit_is_enforced_is_killed_for_taking_more(box: GpuBox) -> None:
    box.stage("fake_cuda.allocate(3 * GIB)", "fake_cuda.hold(30)", more="gpu_limit: enforce")

    outcome = box.run(box.kit.job())

    assert (outcome.code, outcome.verdict) == (7, "oom_gpu"), outcome.text
    assert "gpu_limit: enforce" in told(outcome)


def test_a_stranger_that_takes_what_was_reserved_is_named_while_the_run_goes_on(
    box: GpuBox,
) -> None:
    box.stage("fake_cuda.allocate(GIB)", "fake_cuda.hold(30)", memory="20GiB")
    with box.started(box.kit.job()) as process:
        wait_until(lambda: bool(box.driver.holders(UUIDS[0])), "the stage holds its GPU")
        with box.driver.stranger(UUIDS[0], 16 * GIB) as pid:
            read_until(process, f"process {pid} (sleep) holds 16 GiB")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


def test_what_a_run_took_is_what_the_next_one_asks_for(box: GpuBox) -> None:
    box.stage("fake_cuda.allocate(4 * GIB)", "fake_cuda.hold(1.5)", memory=None)
    first, second = box.run(box.kit.job("first")), box.run(box.kit.job("second"))

    assert (first.code, second.code) == (0, 0), first.text + second.text
    assert first.record is not None
    assert second.record is not None
    assert first.record["gpu"]["asked"] is None
    assert 4 * GIB < second.record["gpu"]["asked"] < 5 * GIB
    assert first.record["run_id"] in second.record["gpu"]["source"]


def test_a_request_that_no_gpu_can_ever_serve_is_refused_at_once(box: GpuBox) -> None:
    box.stage("fake_cuda.allocate(GIB)", memory="80GiB")

    outcome = box.run(box.kit.job(), "--wait")

    assert outcome.code == 6, outcome.text
    assert "no GPU here is as large as 80 GiB" in told(outcome).replace("No GPU", "no GPU")
    assert json.loads(box.stagerun("gpus", "--json").stdout)["waiting"] == []


def test_a_batch_that_is_too_large_is_halved_and_the_next_job_begins_with_the_one_that_held(
    box: GpuBox,
) -> None:
    box.stage(
        "from shared.config import load_config",
        "fake_cuda.allocate(load_config().get_int('BATCH') * 4 * GIB)",
        "fake_cuda.hold(1.5)",
        memory="all",
        more=LADDER,
    )
    first, second = box.run(box.kit.job("first")), box.run(box.kit.job("second"))

    assert (first.code, second.code) == (0, 0), first.text + second.text
    assert [refusal.asked_bytes for refusal in box.driver.refusals] == [32 * GIB]
    assert [box.driver.greatest_bytes(uuid) > 16 * GIB for uuid in UUIDS].count(True) == 1
    for outcome in (first, second):
        assert outcome.record is not None
        assert outcome.record["config"]["BATCH"]["value"] == "4"
