"""Inventory over a fake NVML."""

from typing import Any

import pytest

from runner.host.gpu import Absence, Gpu, GpuProcess, Inventory, inventory, lost
from runner.host.gpu_fake import FakeGpu, FakeNvml, FakeProcess
from runner.host.nvml import DRIVER_NOT_LOADED, GPU_IS_LOST, LIBRARY_NOT_FOUND, UNKNOWN
from runner.host.nvml_calls import INVALID_ARGUMENT, NOT_FOUND

GIB = 1024**3
NO_DRIVER = inventory(FakeNvml(init_failure=DRIVER_NOT_LOADED))


def two_gpus(*, free: tuple[int, int]) -> Inventory:
    return inventory(
        FakeNvml([FakeGpu(f"GPU-{i}", used=24 * GIB - free[i] * GIB) for i in range(2)])
    )


def test_the_inventory_holds_what_a_grant_and_a_person_need() -> None:
    nvml = FakeNvml([FakeGpu("GPU-a", name="Fake RTX", total=24 * GIB, used=4 * GIB)])

    found = inventory(nvml)

    assert found.gpus == (
        Gpu(
            uuid="GPU-a",
            index=0,
            name="Fake RTX",
            memory_total_bytes=24 * GIB,
            memory_used_bytes=4 * GIB,
            driver_version="550.54.15",
        ),
    )
    assert found.absence is None
    assert nvml.sessions == 0


@pytest.mark.parametrize(
    ("nvml", "absence"),
    [
        (FakeNvml(init_failure=LIBRARY_NOT_FOUND), Absence.LIBRARY_NOT_FOUND),
        (FakeNvml(init_failure=DRIVER_NOT_LOADED), Absence.DRIVER_NOT_LOADED),
        (FakeNvml(init_failure=UNKNOWN), Absence.ERROR),
        (FakeNvml(), Absence.NO_DEVICE),
        (FakeNvml([FakeGpu("GPU-a", failure=GPU_IS_LOST)]), Absence.ERROR),
    ],
)
def test_a_machine_without_a_gpu_says_why_and_closes_nvml(nvml: FakeNvml, absence: Absence) -> None:
    found = inventory(nvml)

    assert (found.gpus, found.absence) == ((), absence)
    assert found.detail
    assert nvml.sessions == 0


def test_one_gpu_that_does_not_answer_leaves_the_others_usable() -> None:
    found = inventory(FakeNvml([FakeGpu("GPU-a", failure=GPU_IS_LOST), FakeGpu("GPU-b")]))

    assert [gpu.uuid for gpu in found.gpus] == ["GPU-b"]
    assert [(fault.index, fault.detail) for fault in found.faults] == [(0, "GPU is lost")]


def test_a_gpu_that_does_not_tell_its_memory_is_listed_with_unknown_memory() -> None:
    found = inventory(FakeNvml([FakeGpu("GPU-a", used=None)]))

    assert found.gpus[0].memory_used_bytes is None


def test_a_granted_gpu_that_is_gone_is_named_as_lost() -> None:
    assert lost(["GPU-0", "GPU-9"], two_gpus(free=(1, 1))) == ("GPU-9",)
    assert lost(["GPU-0"], NO_DRIVER) == ("GPU-0",)


def test_an_nvml_that_fails_altogether_proves_no_loss() -> None:
    assert lost(["GPU-0"], inventory(FakeNvml(init_failure=UNKNOWN))) is None


@pytest.mark.parametrize(
    ("failure", "expected"), [(GPU_IS_LOST, ("GPU-b",)), (NOT_FOUND, ("GPU-b",)), (UNKNOWN, None)]
)
def test_an_error_that_passes_proves_no_loss(
    failure: int, expected: tuple[str, ...] | None
) -> None:
    found = inventory(FakeNvml([FakeGpu("GPU-a"), FakeGpu("GPU-b", failure=failure)]))
    assert lost(["GPU-a", "GPU-b"], found) == expected


def test_a_gpu_that_is_split_is_offered_by_its_instances_alone() -> None:
    split = FakeGpu("GPU-a", instances=[FakeGpu("MIG-1", total=10 * GIB), None, FakeGpu("MIG-2")])

    found = inventory(FakeNvml([split, FakeGpu("GPU-b")]))

    assert [(gpu.uuid, gpu.index) for gpu in found.gpus] == [
        ("MIG-1", 0),
        ("MIG-2", 0),
        ("GPU-b", 1),
    ]
    assert found.gpus[0].memory_total_bytes == 10 * GIB


def test_a_gpu_that_is_split_into_nothing_is_not_offered_since_nothing_computes_on_it() -> None:
    found = inventory(FakeNvml([FakeGpu("GPU-a", instances=[]), FakeGpu("GPU-b")]))
    assert [gpu.uuid for gpu in found.gpus] == ["GPU-b"]

    alone = inventory(FakeNvml([FakeGpu("GPU-a", instances=[])]))
    assert (alone.absence, alone.faults) == (Absence.NO_DEVICE, ())
    assert "MIG" in (alone.detail or "")


def test_an_instance_that_has_no_device_node_of_its_own_is_no_fault_of_its_gpu() -> None:
    instance = FakeGpu("MIG-1", odd={"nvmlDeviceGetMinorNumber": INVALID_ARGUMENT})
    found = inventory(FakeNvml([FakeGpu("GPU-a", instances=[instance])]))
    assert [(gpu.uuid, gpu.minor) for gpu in found.gpus] == [("MIG-1", None)]
    assert found.faults == ()


def test_what_the_driver_keeps_for_itself_is_told_and_nothing_where_it_does_not_tell() -> None:
    telling, silent = FakeGpu("GPU-a", used=2 * GIB, reserved=GIB), FakeGpu("GPU-b")
    found = inventory(FakeNvml([telling, silent])).gpus
    assert [gpu.memory_reserved_bytes for gpu in found] == [GIB, 0]
    assert found[0].memory_used_bytes == 2 * GIB
    old = FakeNvml([telling], missing=["nvmlDeviceGetMemoryInfo_v2"])
    assert inventory(old).gpus[0].memory_reserved_bytes == 0


def test_a_process_that_draws_is_a_process_and_counts_once_if_it_computes_too() -> None:
    gpu = FakeGpu(
        "GPU-a",
        processes=[FakeProcess(7, GIB), FakeProcess(8, None)],
        drawing=[FakeProcess(7, 2 * GIB), FakeProcess(8, GIB), FakeProcess(9, GIB)],
    )
    assert inventory(FakeNvml([gpu])).gpus[0].processes == (
        GpuProcess(7, 2 * GIB),
        GpuProcess(8, GIB),
        GpuProcess(9, GIB, computes=False),
    )
    without = FakeNvml([gpu], missing=["nvmlDeviceGetGraphicsRunningProcesses"])
    assert [it.pid for it in inventory(without).gpus[0].processes] == [7, 8]


class AllocatingNvml(FakeNvml):
    """One whose processes take more memory, or give some back, while they are asked for."""

    def __init__(self, gpu: FakeGpu, used: int, held: int) -> None:
        super().__init__([gpu])
        self._used, self._held = used, held

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> list[FakeProcess]:  # noqa: N802  (NVML's own name)
        self.gpus[0].used = self._used
        self.gpus[0].processes = [FakeProcess(7, self._held)]
        return super().nvmlDeviceGetComputeRunningProcesses(handle)


def test_what_a_process_takes_or_gives_back_during_a_look_is_not_taken_from_all_others() -> None:
    """Used memory, less what is held by a run, is what strangers have: that must not shrink."""
    before = FakeGpu("GPU-a", used=3 * GIB)
    (grown,) = inventory(AllocatingNvml(before, used=9 * GIB, held=6 * GIB)).gpus
    assert grown.memory_used_bytes == 9 * GIB
    before = FakeGpu("GPU-a", used=9 * GIB)
    (shrunk,) = inventory(AllocatingNvml(before, used=3 * GIB, held=6 * GIB)).gpus
    assert shrunk.memory_used_bytes == 9 * GIB
