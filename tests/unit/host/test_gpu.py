"""Inventory over a fake NVML."""

import pytest

from runner.host.gpu import Absence, Gpu, Inventory, inventory, lost
from runner.host.gpu_fake import FakeGpu, FakeNvml
from runner.host.nvml import DRIVER_NOT_LOADED, GPU_IS_LOST, LIBRARY_NOT_FOUND, UNKNOWN
from runner.host.nvml_calls import NOT_FOUND

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


def test_a_gpu_that_is_split_into_nothing_is_offered_as_a_whole() -> None:
    found = inventory(FakeNvml([FakeGpu("GPU-a", instances=[])]))
    assert [gpu.uuid for gpu in found.gpus] == ["GPU-a"]
