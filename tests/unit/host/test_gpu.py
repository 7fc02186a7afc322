"""Inventory over a fake NVML, and which GPU a stage is granted."""

import pytest

from runner.errors import GpuUnavailableError
from runner.host.gpu import Absence, Gpu, GpuNeed, Grant, Inventory, grant, inventory, lost
from runner.host.gpu_fake import FakeGpu, FakeNvml
from runner.host.nvml import DRIVER_NOT_LOADED, GPU_IS_LOST, LIBRARY_NOT_FOUND, UNKNOWN

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
    assert found.gpus[0].memory_free_bytes == 20 * GIB
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

    assert found.gpus[0].memory_free_bytes is None
    assert grant("required", None, found).uuids == ("GPU-a",)
    with pytest.raises(GpuUnavailableError, match="does not tell its memory"):
        grant("required", GIB, found)


@pytest.mark.parametrize("found", [NO_DRIVER, two_gpus(free=(8, 8))])
def test_a_stage_that_needs_no_gpu_gets_none_and_no_warning(found: Inventory) -> None:
    assert grant("none", None, found) == Grant()


@pytest.mark.parametrize("need", ["optional", "required"])
def test_the_gpu_with_the_most_free_memory_is_granted(need: GpuNeed) -> None:
    assert grant(need, 6 * GIB, two_gpus(free=(8, 12))).uuids == ("GPU-1",)
    assert grant(need, None, two_gpus(free=(12, 12))).uuids == ("GPU-0",)


def test_memory_exactly_as_asked_is_enough() -> None:
    assert grant("required", 8 * GIB, two_gpus(free=(8, 1))).uuids == ("GPU-0",)


def test_memory_promised_to_other_runs_is_not_granted_twice() -> None:
    found = two_gpus(free=(8, 12))

    assert grant("required", 6 * GIB, found, promised={"GPU-1": 8 * GIB}).uuids == ("GPU-0",)


def test_a_required_gpu_that_is_too_full_is_refused_with_the_numbers() -> None:
    with pytest.raises(GpuUnavailableError) as refused:
        grant("required", 16 * GIB, two_gpus(free=(8, 12)))

    assert str(refused.value) == (
        "The stage requires a GPU with 16.0 GiB of free memory, and this machine cannot grant one."
        " No GPU has the 16.0 GiB that were asked for free: GPU 0 (Fake GPU) 8.0 GiB of 24.0 GiB,"
        " GPU 1 (Fake GPU) 12.0 GiB of 24.0 GiB. Wait until GPU memory is free, or lower"
        " gpu_memory; `stagerun doctor` shows what the machine offers."
    )


def test_a_required_gpu_on_a_machine_without_one_is_refused_with_the_reason() -> None:
    with pytest.raises(GpuUnavailableError, match="kernel driver is not loaded"):
        grant("required", None, NO_DRIVER)


@pytest.mark.parametrize("found", [NO_DRIVER, two_gpus(free=(1, 2))])
def test_an_optional_gpu_falls_back_with_a_reason_to_show(found: Inventory) -> None:
    granted = grant("optional", 6 * GIB, found)

    assert granted.uuids == ()
    assert granted.fallback_reason


def test_a_granted_gpu_that_is_gone_is_named_as_lost() -> None:
    assert lost(["GPU-0", "GPU-9"], two_gpus(free=(1, 1))) == ("GPU-9",)
    assert lost(["GPU-0"], NO_DRIVER) == ("GPU-0",)


def test_an_nvml_that_fails_altogether_proves_no_loss() -> None:
    assert lost(["GPU-0"], inventory(FakeNvml(init_failure=UNKNOWN))) is None
