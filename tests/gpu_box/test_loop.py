"""The simulated box closes the loop: what a container allocates is what the product sees."""

import pytest

from tests.faults.calls import ended, wait_until
from tests.gpu_box.box import UUIDS, GpuBox
from tests.nvml_stub import GIB

pytestmark = [pytest.mark.docker, pytest.mark.engine, pytest.mark.root]


def test_what_a_container_allocates_is_the_peak_on_record(box: GpuBox) -> None:
    box.stage("fake_cuda.allocate(2 * GIB)", "fake_cuda.allocate(GIB)", "fake_cuda.hold(1.5)")

    outcome = box.run(box.kit.job())

    assert outcome.code == 0, outcome.text
    assert outcome.record is not None
    assert outcome.record["gpu"]["uuids"] == [UUIDS[0]]
    assert outcome.record["usage"]["gpu_memory_peak_bytes"] == 3 * GIB
    held = [(change.uuid, change.held_bytes) for change in box.driver.trace]
    assert held == [(UUIDS[0], 2 * GIB), (UUIDS[0], 3 * GIB), (UUIDS[0], 0)]


@pytest.mark.parametrize("text", ["fake_cuda.TORCH", "fake_cuda.CTRANSLATE2"])
def test_a_batch_that_is_too_large_ends_as_gpu_out_of_memory(box: GpuBox, text: str) -> None:
    box.stage(f"fake_cuda.allocate(25 * GIB, text={text})")

    outcome = box.run(box.kit.job())

    assert (outcome.code, outcome.verdict) == (7, "oom_gpu"), outcome.text
    assert [refusal.asked_bytes for refusal in box.driver.refusals] == [25 * GIB]


def test_a_stage_that_never_touches_its_gpu_is_found_out(box: GpuBox) -> None:
    box.stage("time.sleep(2)")

    outcome = box.run(box.kit.job())

    assert (outcome.code, outcome.verdict) == (6, "gpu_mismatch"), outcome.text


def test_a_gpu_that_fails_under_a_stage_is_named(box: GpuBox) -> None:
    job = box.kit.job()
    box.stage("fake_cuda.allocate(GIB)", "fake_cuda.hold(30)")

    with box.started(job, "--no-retry") as process:
        wait_until(lambda: bool(box.driver.holders(UUIDS[0])), "the stage holds its GPU")
        box.driver.fail(UUIDS[0])
        text, _ = process.communicate(timeout=30)

    outcome = ended(job, "50_probe", process.returncode, text)
    assert (outcome.code, outcome.verdict) == (6, "gpu_lost"), text
    assert UUIDS[0] in text


def test_a_stranger_on_a_gpu_leaves_a_stage_the_other_ones(box: GpuBox) -> None:
    box.stage("fake_cuda.allocate(20 * GIB)", "fake_cuda.hold(1.5)", memory="20GiB")

    with box.driver.stranger(UUIDS[0], 12 * GIB) as pid:
        outcome = box.run(box.kit.job())
        assert box.driver.holders(UUIDS[0]) == {pid: 12 * GIB}

    assert outcome.code == 0, outcome.text
    assert outcome.record is not None
    assert outcome.record["gpu"]["uuids"] == [UUIDS[1]]
    assert box.driver.greatest_bytes(UUIDS[1]) > 20 * GIB
