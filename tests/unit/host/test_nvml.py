"""The border to NVML over a fake one: figures, errors that a driver reports, a hang."""

import threading
import time
from collections.abc import Iterator

import pytest

from runner.host.gpu import Absence, inventory, lost
from runner.host.gpu_fake import FakeGpu, FakeNvml, FakeProcess
from runner.host.nvml import (
    GPU_IS_LOST,
    NOT_ANSWERING,
    UNKNOWN,
    GpuProcess,
    GpuReading,
    NvmlCallError,
    Xid,
    nvml_session,
)
from runner.host.nvml_calls import INVALID_ARGUMENT

GIB = 1024**3
SOON = 0.05


@pytest.fixture
def hanging() -> Iterator[FakeNvml]:
    """A driver whose calls on a device do not return before the end of the test."""
    nvml = FakeNvml([FakeGpu("GPU-a"), FakeGpu("GPU-b")])
    nvml.answering.clear()
    yield nvml
    nvml.answering.set()


def test_a_reading_has_every_figure_in_the_units_it_promises() -> None:
    gpu = FakeGpu(
        "GPU-a",
        total=24 * GIB,
        used=3 * GIB,
        utilisation_percent=40,
        power_milliwatts=71_500,
        temperature=63,
        energy_millijoules=12_345_600,
        processes=[FakeProcess(7, 2 * GIB), FakeProcess(8, None)],
    )

    with nvml_session(FakeNvml([gpu])) as session:
        reading = session.reading("GPU-a")

    assert reading == GpuReading(
        utilisation=0.4,
        processes=(GpuProcess(7, 2 * GIB), GpuProcess(8, None)),
        memory_used_bytes=3 * GIB,
        memory_total_bytes=24 * GIB,
        power_watts=71.5,
        temperature_celsius=63,
        energy_joules=12345.6,
    )


def test_a_figure_that_the_gpu_lacks_or_does_not_have_now_is_unknown_and_no_error() -> None:
    lacking = FakeGpu("GPU-a", used=None, utilisation_percent=None)
    unavailable = FakeGpu("GPU-b", power_milliwatts=2**32 - 1, energy_millijoules=2**64 - 1)

    with nvml_session(FakeNvml([lacking, unavailable])) as session:
        assert session.reading("GPU-a") == GpuReading(processes=())
        assert session.reading("GPU-b").power_watts is None
        assert session.reading("GPU-b").energy_joules is None


def test_a_library_that_is_too_old_for_a_figure_still_gives_the_others() -> None:
    gpu = FakeGpu("GPU-a", utilisation_percent=40, power_milliwatts=70_000, minor=1)
    missing = (
        "nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetComputeRunningProcesses",
        "nvmlDeviceGetMinorNumber",
    )
    old = FakeNvml([gpu], missing=missing)

    with nvml_session(old) as session:
        reading = session.reading("GPU-a")

    assert (reading.utilisation, reading.power_watts, reading.processes) == (0.4, None, None)
    assert inventory(old).gpus[0].minor is None


def test_the_inventory_names_the_device_node_of_a_gpu() -> None:
    assert inventory(FakeNvml([FakeGpu("GPU-a", minor=3)])).gpus[0].minor == 3


def test_errors_that_the_driver_reports_are_told_once_and_by_gpu() -> None:
    first, second = FakeGpu("GPU-a", xids=[31]), FakeGpu("GPU-b")
    nvml = FakeNvml([first, second])

    with nvml_session(nvml) as session, session.xids(["GPU-a", "GPU-b"]) as watch:
        assert watch.take() == ()
        first.xids.append(48)
        second.xids += [63, 79]
        assert watch.take() == (Xid("GPU-a", 48), Xid("GPU-b", 63), Xid("GPU-b", 79))
        assert watch.take() == ()

    assert (nvml.event_sets, nvml.sessions) == ([], 0)


@pytest.mark.parametrize("function", ["nvmlEventSetCreate", "nvmlEventSetWait_v2"])
def test_a_driver_that_reports_no_errors_is_watched_without_one(function: str) -> None:
    nvml = FakeNvml([FakeGpu("GPU-a")], missing=[function])

    with nvml_session(nvml) as session, session.xids(["GPU-a"]) as watch:
        nvml.gpus[0].xids.append(79)
        assert watch.take() == ()

    assert nvml.event_sets == []


@pytest.mark.parametrize(
    "odd",
    [
        FakeGpu("GPU-a", failure=GPU_IS_LOST),
        FakeGpu("GPU-a", odd={"nvmlDeviceRegisterEvents": INVALID_ARGUMENT}),
        FakeGpu("GPU-a", odd={"nvmlEventSetWait_v2": UNKNOWN}),
    ],
    ids=["lost", "unwatchable", "odd"],
)
def test_a_gpu_that_cannot_be_watched_leaves_the_others_watched_and_no_set_behind(
    odd: FakeGpu,
) -> None:
    nvml = FakeNvml([odd, FakeGpu("GPU-b")])

    with nvml_session(nvml) as session, session.xids(["GPU-a", "GPU-gone", "GPU-b"]) as watch:
        nvml.gpus[1].xids.append(79)
        assert watch.take() == (Xid("GPU-b", 79),)

    assert (nvml.event_sets, nvml.sessions) == ([], 0)


def test_a_call_that_never_returns_is_given_up_with_its_session(hanging: FakeNvml) -> None:
    began = time.monotonic()
    with nvml_session(hanging, deadline_seconds=SOON) as session:
        for _ in range(100):
            with pytest.raises(NvmlCallError, match="did not answer within") as problem:
                session.reading("GPU-a")
            assert problem.value.code == NOT_ANSWERING

    assert time.monotonic() - began < 100 * SOON


def test_the_inventory_says_in_time_that_the_driver_hangs(hanging: FakeNvml) -> None:
    found = inventory(hanging, deadline_seconds=SOON)

    assert (found.gpus, found.absence) == ((), Absence.NOT_ANSWERING)
    assert found.detail == "NVIDIA's driver hangs: it did not answer within 0.05 s"
    assert lost(["GPU-a"], found) is None


def test_a_driver_that_hangs_keeps_one_thread_however_often_it_is_asked(hanging: FakeNvml) -> None:
    def threads() -> int:
        return sum(thread.name == "nvml" for thread in threading.enumerate())

    inventory(hanging, deadline_seconds=SOON)
    before = threads()

    for _ in range(5):
        assert inventory(hanging, deadline_seconds=SOON).absence is Absence.NOT_ANSWERING
    assert threads() == before


def test_a_driver_that_answers_again_is_closed_and_used_again(hanging: FakeNvml) -> None:
    inventory(hanging, deadline_seconds=SOON)
    hanging.answering.set()

    end = time.monotonic() + 10
    while inventory(hanging).absence is not None and time.monotonic() < end:
        time.sleep(0.01)

    assert len(inventory(hanging).gpus) == 2
    assert hanging.sessions == 0


def test_a_session_that_ends_takes_its_thread_with_it() -> None:
    def threads() -> int:
        return sum(thread.name == "nvml" for thread in threading.enumerate())

    before = threads()
    for _ in range(20):
        inventory(FakeNvml([FakeGpu("GPU-a")]))

    end = time.monotonic() + 10
    while threads() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threads() <= before
