"""What is seen of a container on its GPUs, over a fake NVML."""

import time
from collections.abc import Iterator

import pytest

from runner.host.gpu_fake import FakeGpu, FakeNvml, FakeProcess
from runner.host.granted_gpus import HANGS_FOR_SECONDS, MOST_PIDS, GpuShare, GrantedGpus
from runner.host.nvml import GPU_IS_LOST

GIB = 1024**3
MINE = frozenset({7, 8})


@pytest.fixture
def nvml() -> FakeNvml:
    first = FakeGpu("GPU-a", utilisation_percent=80, processes=[FakeProcess(7, 2 * GIB)])
    second = FakeGpu("GPU-b", utilisation_percent=20, processes=[FakeProcess(8, 3 * GIB)])
    return FakeNvml([first, second])


@pytest.fixture
def gpus(nvml: FakeNvml) -> Iterator[GrantedGpus]:
    granted = GrantedGpus(["GPU-a", "GPU-b"], nvml)
    yield granted
    granted.close(1000.0)
    assert nvml.sessions == 0


def test_the_peak_of_each_gpu_is_of_the_containers_own_processes(
    gpus: GrantedGpus, nvml: FakeNvml
) -> None:
    nvml.gpus[0].processes.append(FakeProcess(999, 9 * GIB))

    assert gpus.look(MINE, 0.0) == GpuShare(5 * GIB, 0.5)
    nvml.gpus[0].processes = [FakeProcess(7, 4 * GIB)]
    nvml.gpus[1].processes = []
    assert gpus.look(MINE, 1.0) == GpuShare(4 * GIB, 0.5)

    peaks = {uuid: use.memory_peak_bytes for uuid, use in gpus.uses.items()}
    assert peaks == {"GPU-a": 4 * GIB, "GPU-b": 3 * GIB}
    assert gpus.pids == (7, 8)
    assert (gpus.used, gpus.samples) == (True, 2)


def test_a_look_that_a_gpu_did_not_answer_proves_nothing(gpus: GrantedGpus, nvml: FakeNvml) -> None:
    nvml.gpus[0].processes = nvml.gpus[1].processes = []
    gpus.look(MINE, 0.0)
    nvml.gpus[1].failure = GPU_IS_LOST
    gpus.look(MINE, 1.0)

    assert (gpus.used, gpus.samples) == (False, 1)


def test_a_gpu_that_is_lost_leaves_the_course_of_the_other(
    gpus: GrantedGpus, nvml: FakeNvml
) -> None:
    gpus.look(MINE, 0.0)
    nvml.gpus[1].failure = GPU_IS_LOST

    assert gpus.look(MINE, 1.0) == GpuShare(2 * GIB, 0.8)
    assert {uuid: len(use.points) for uuid, use in gpus.uses.items()} == {"GPU-a": 2, "GPU-b": 1}


def test_a_driver_that_names_no_processes_proves_no_use_and_no_lack_of_it() -> None:
    gpu = FakeGpu("GPU-a", utilisation_percent=80)
    granted = GrantedGpus(
        ["GPU-a"], FakeNvml([gpu], missing=["nvmlDeviceGetComputeRunningProcesses"])
    )

    assert granted.look(MINE, 0.0) == GpuShare(None, 0.8)
    granted.close(0.0)

    assert (granted.used, granted.samples) == (None, 0)


def test_the_processes_that_are_kept_are_the_latest_and_do_not_grow_in_number(
    gpus: GrantedGpus, nvml: FakeNvml
) -> None:
    for pid in range(1, 2 * MOST_PIDS + 1):
        nvml.gpus[0].processes = [FakeProcess(1, GIB), FakeProcess(pid, GIB)]
        gpus.look(frozenset({1, pid}), float(pid))

    assert len(gpus.pids) == MOST_PIDS
    assert {1, 2 * MOST_PIDS} <= set(gpus.pids)


def test_energy_is_read_once_more_at_the_end(nvml: FakeNvml) -> None:
    granted = GrantedGpus(["GPU-a"], nvml)
    nvml.gpus[0].energy_millijoules = 5_000_000
    granted.look(MINE, 0.0)
    nvml.gpus[0].energy_millijoules = 5_070_000
    granted.close(0.7)

    assert granted.uses["GPU-a"].energy_joules == 70
    assert granted.samples == 1


def test_a_driver_that_hangs_is_asked_again_after_a_while(nvml: FakeNvml) -> None:
    granted = GrantedGpus(["GPU-a"], nvml, deadline_seconds=0.05)
    granted.look(MINE, 0.0)
    nvml.answering.clear()

    assert granted.look(MINE, 1.0) == GpuShare()
    assert granted.look(MINE, 2.0) == GpuShare()
    nvml.answering.set()
    assert granted.look(MINE, 3.0) == GpuShare()
    end = time.monotonic() + 10
    while nvml.sessions and time.monotonic() < end:
        time.sleep(0.01)
    assert granted.look(MINE, 2.0 + HANGS_FOR_SECONDS) == GpuShare(2 * GIB, 0.8)
    granted.close(100.0)

    assert nvml.sessions == 0


def test_without_gpus_nvml_is_not_opened() -> None:
    granted = GrantedGpus([], FakeNvml(init_failure=9))

    assert granted.look(MINE, 0.0) == GpuShare()
    granted.close(0.0)
    assert (granted.used, granted.samples, granted.uses) == (None, 0, {})
