"""A runner that is killed while its container holds memory of a GPU."""

import signal

import pytest

from tests.faults.calls import wait_until
from tests.gpu_box.box import UUIDS, GpuBox
from tests.nvml_stub import GIB

pytestmark = [pytest.mark.docker, pytest.mark.engine, pytest.mark.root]


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
