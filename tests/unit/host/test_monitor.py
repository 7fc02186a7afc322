"""What the monitor makes of recorded control groups and a fake NVML over time."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import pytest

from runner.host.gpu_fake import FakeGpu, FakeNvml, FakeProcess
from runner.host.monitor import Monitor, Sample, Usage, usage_from
from runner.host.nvml import GPU_IS_LOST
from runner.host.sampler import sampling
from tests.unit.host.recorded import FIRST, HYBRID, SECOND, V1, V2, find, unpack
from tests.unit.opens import opened

GIB = 1024**3
CACHE = 9125888


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


def set_memory(root: Path, name: str, size: int) -> None:
    find(root, name).write_text(f"{size + CACHE}\n")


def test_a_sample_and_the_summary_hold_the_recorded_figures(tmp_path: Path) -> None:
    monitor = Monitor(FIRST, root=unpack(V2, tmp_path))

    sample = monitor.sample()

    assert (sample.memory_bytes, sample.memory_peak_bytes) == (43786240, 61865984)
    assert (sample.cpu_seconds, sample.read_bytes, sample.write_bytes) == (
        0.216244,
        4198400,
        8388608,
    )
    assert (sample.gpu_memory_bytes, sample.gpu_utilisation) == (None, None)
    assert monitor.summary() == Usage(
        samples=1,
        memory_peak_bytes=61865984,
        memory_mean_bytes=43786240,
        cpu_seconds=0.216244,
        read_bytes=4198400,
        write_bytes=8388608,
    )


def test_the_mean_counts_how_long_a_figure_lasted(tmp_path: Path, clock: Seconds) -> None:
    root = unpack(V2, tmp_path)
    monitor = Monitor(FIRST, root=root, clock=clock)
    for second, size in ((0.0, 100), (1.0, 200), (4.0, 600)):
        clock.now = second
        set_memory(root, "memory.current", size)
        monitor.sample()

    assert monitor.summary().memory_mean_bytes == (1 * 200 + 3 * 600) / 4


def test_without_a_mark_of_the_kernel_the_peak_is_the_largest_sample(tmp_path: Path) -> None:
    root = unpack(V2, tmp_path)
    find(root, "memory.peak").unlink()
    monitor = Monitor(FIRST, root=root)
    for size in (100, 900, 300):
        set_memory(root, "memory.current", size)
        monitor.sample()

    assert monitor.summary().memory_peak_bytes == 900


def test_figures_survive_the_end_of_the_container(tmp_path: Path) -> None:
    root = unpack(HYBRID, tmp_path)
    monitor = Monitor(FIRST, root=root)
    monitor.sample()
    shutil.rmtree(root / "sys")
    shutil.rmtree(root / f"proc/{FIRST}")

    after = monitor.sample()

    assert after == Sample(time=after.time, read_bytes=4198400, write_bytes=8392704)
    assert monitor.summary().cpu_seconds == 0.216244978
    assert monitor.summary().memory_peak_bytes == 52912128


def test_a_container_that_cannot_be_measured_is_no_error(tmp_path: Path) -> None:
    monitor = Monitor(FIRST, root=tmp_path)

    monitor.sample()

    assert monitor.summary() == Usage(samples=1)


def test_on_v1_the_io_that_only_the_processes_know_of_is_counted(tmp_path: Path) -> None:
    root = unpack(V1, tmp_path)
    find(root, "blkio.throttle.io_service_bytes_recursive").write_text("Total 0\n")

    sample = Monitor(FIRST, root=root).sample()

    assert (sample.read_bytes, sample.write_bytes) == (4194304 + 4096, 8392704)


def test_on_v1_the_io_of_a_process_that_ended_is_kept(tmp_path: Path) -> None:
    root = unpack(V1, tmp_path)
    monitor = Monitor(FIRST, root=root)
    monitor.sample()
    shutil.rmtree(root / f"proc/{SECOND}")
    for procs in (root / "sys").rglob("cgroup.procs"):
        procs.write_text(f"{FIRST}\n")

    assert monitor.sample().read_bytes == 4194304 + 4096


def test_on_v1_a_number_used_again_by_another_process_adds_to_the_io(tmp_path: Path) -> None:
    root = unpack(V1, tmp_path)
    monitor = Monitor(FIRST, root=root)
    monitor.sample()
    (root / f"proc/{SECOND}/io").write_text("read_bytes: 1000\nwrite_bytes: 0\n")

    assert monitor.sample().read_bytes == 4194304 + 4096 + 1000


def test_gpu_memory_of_other_processes_is_not_the_containers(tmp_path: Path) -> None:
    mine, other = FakeProcess(SECOND, 2 * GIB), FakeProcess(1, 5 * GIB)
    nvml = FakeNvml([FakeGpu("GPU-a", utilisation_percent=50, processes=[mine, other])])
    with Monitor(FIRST, gpus=["GPU-a"], nvml=nvml, root=unpack(V2, tmp_path)) as monitor:
        sample = monitor.sample()
        usage = monitor.summary()

    assert sample.gpu_memory_bytes == 2 * GIB
    assert sample.gpu_utilisation == 0.5
    assert usage.gpu_used is True
    assert nvml.sessions == 0


def test_gpu_peak_and_mean_are_kept_over_the_run(tmp_path: Path, clock: Seconds) -> None:
    gpu = FakeGpu("GPU-a", processes=[FakeProcess(FIRST, GIB)])
    root = unpack(V2, tmp_path)
    with Monitor(FIRST, gpus=["GPU-a"], nvml=FakeNvml([gpu]), root=root, clock=clock) as monitor:
        monitor.sample()
        clock.now, gpu.utilisation_percent = 1.0, 100
        gpu.processes = [FakeProcess(FIRST, 3 * GIB)]
        monitor.sample()
        clock.now, gpu.utilisation_percent, gpu.processes = 4.0, 20, []
        monitor.sample()
        usage = monitor.summary()

    assert usage.gpu_memory_peak_bytes == 3 * GIB
    assert usage.gpu_utilisation_peak == 1.0
    assert usage.gpu_utilisation_mean == pytest.approx((1 * 1.0 + 3 * 0.2) / 4)


@pytest.mark.parametrize(("recording", "looked_at"), [(V2, set()), (V1, {FIRST, SECOND})])
def test_a_sample_looks_at_no_process_but_the_containers(
    tmp_path: Path, recording: str, looked_at: set[int]
) -> None:
    root = unpack(recording, tmp_path)
    nvml = FakeNvml([FakeGpu("GPU-a", processes=[FakeProcess(1, GIB), FakeProcess(FIRST, GIB)])])
    with Monitor(FIRST, gpus=["GPU-a"], nvml=nvml, root=root) as monitor:
        monitor.sample()
        with opened() as paths:
            monitor.sample()

    own = [path.relative_to(root) for path in paths if path.is_relative_to(root)]
    assert own
    assert {int(path.parts[1]) for path in own if path.parts[0] == "proc"} == looked_at


def test_the_usage_has_the_energy_and_the_course_of_all_gpus(
    tmp_path: Path, clock: Seconds
) -> None:
    counting = FakeGpu("GPU-a", energy_millijoules=1_000_000, power_milliwatts=1)
    other = FakeGpu("GPU-b", power_milliwatts=30_000, processes=[FakeProcess(FIRST, GIB)])
    root = unpack(V2, tmp_path)
    nvml = FakeNvml([counting, other])
    with Monitor(FIRST, gpus=["GPU-a", "GPU-b"], nvml=nvml, root=root, clock=clock) as monitor:
        monitor.sample()
        clock.now, counting.energy_millijoules = 2.0, 1_050_000
        monitor.sample()
    usage = monitor.summary()

    assert usage.gpu_energy_joules == 50 + 2 * 30
    assert usage.gpu_samples == 2
    assert usage.gpu_pids == (FIRST,)
    assert usage.gpu_memory_peaks == {"GPU-a": 0, "GPU-b": GIB}
    assert [point.seconds for point in usage.gpus["GPU-b"].points] == [0.0, 2.0]


def test_a_usage_is_the_same_after_a_journal_had_it(tmp_path: Path) -> None:
    gpu = FakeGpu("GPU-a", power_milliwatts=30_000, processes=[FakeProcess(FIRST, GIB)])
    root = unpack(V2, tmp_path)
    with Monitor(FIRST, gpus=["GPU-a"], nvml=FakeNvml([gpu]), root=root) as monitor:
        monitor.sample()
        usage = monitor.summary()

    assert usage_from(json.loads(json.dumps(asdict(usage)))) == usage
    assert usage_from(json.loads(json.dumps(asdict(Usage())))) == Usage()
    assert usage.without_curves.gpu_memory_peaks == usage.gpu_memory_peaks
    assert usage.without_curves.gpus["GPU-a"].points == ()


def test_a_granted_gpu_that_was_never_touched_is_told_from_one_not_watched(
    tmp_path: Path,
) -> None:
    root = unpack(V2, tmp_path)
    with Monitor(FIRST, gpus=["GPU-a"], nvml=FakeNvml([FakeGpu("GPU-a")]), root=root) as watched:
        watched.sample()
    unwatched = Monitor(FIRST, root=root)
    unwatched.sample()

    assert watched.summary().gpu_used is False
    assert unwatched.summary().gpu_used is None


def test_a_driver_that_hides_the_memory_of_processes_still_shows_the_use(tmp_path: Path) -> None:
    nvml = FakeNvml([FakeGpu("GPU-a", processes=[FakeProcess(FIRST, None)])])
    with Monitor(FIRST, gpus=["GPU-a"], nvml=nvml, root=unpack(V2, tmp_path)) as monitor:
        assert monitor.sample().gpu_memory_bytes is None
        assert monitor.summary().gpu_used is True


def test_a_gpu_lost_in_the_middle_keeps_the_other_figures_coming(tmp_path: Path) -> None:
    gpu = FakeGpu("GPU-a", processes=[FakeProcess(FIRST, GIB)])
    with Monitor(FIRST, gpus=["GPU-a"], nvml=FakeNvml([gpu]), root=unpack(V2, tmp_path)) as monitor:
        monitor.sample()
        gpu.failure = GPU_IS_LOST
        sample = monitor.sample()
        usage = monitor.summary()

    assert (sample.gpu_memory_bytes, sample.memory_bytes) == (None, 43786240)
    assert usage.gpu_memory_peak_bytes == GIB


def test_nvml_that_does_not_open_costs_the_gpu_figures_only(tmp_path: Path) -> None:
    nvml = FakeNvml(init_failure=9)
    with Monitor(FIRST, gpus=["GPU-a"], nvml=nvml, root=unpack(V2, tmp_path)) as monitor:
        sample = monitor.sample()

    assert (sample.gpu_memory_bytes, sample.memory_bytes) == (None, 43786240)


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Path]:
    yield unpack(V2, tmp_path)
    assert not [thread for thread in threading.enumerate() if thread.name == "resource-sampler"]


def test_the_first_sample_is_taken_at_once_and_the_end_is_not_waited_for(recorded: Path) -> None:
    first = threading.Event()

    with sampling(
        FIRST, on_sample=lambda _: first.set(), intervals=[3600], root=recorded
    ) as sampler:
        assert first.wait(10)

    assert sampler.summary().samples == 1


def test_intervals_grow_and_the_last_one_is_repeated(recorded: Path) -> None:
    enough = threading.Event()
    samples: list[Sample] = []

    def keep(sample: Sample) -> None:
        samples.append(sample)
        if len(samples) == 4:
            enough.set()

    with sampling(FIRST, on_sample=keep, intervals=[0.0, 0.02], root=recorded):
        assert enough.wait(10)

    gaps = [later.time - earlier.time for earlier, later in pairwise(samples)]
    assert min(gap.total_seconds() for gap in gaps[1:3]) >= 0.015


def test_a_gpu_that_was_granted_is_looked_at_more_often_until_it_is_used(recorded: Path) -> None:
    nvml, enough = FakeNvml([FakeGpu("GPU-a")]), threading.Event()
    samples: list[Sample] = []

    def keep(sample: Sample) -> None:
        samples.append(sample)
        if len(samples) == 3:
            enough.set()

    with sampling(
        FIRST, gpus=["GPU-a"], on_sample=keep, intervals=[3600], nvml=nvml, root=recorded
    ):
        assert enough.wait(20)


class Refusal:
    """An observer that has no place for a sample."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def __call__(self, _: Sample) -> None:
        self.asked.set()
        raise LookupError("of the observer")  # noqa: EM101  (a test's own words)


def test_an_error_of_the_observer_is_raised_where_the_run_can_see_it(recorded: Path) -> None:
    refuse = Refusal()

    with (
        pytest.raises(LookupError, match="of the observer"),
        sampling(FIRST, on_sample=refuse, root=recorded),
    ):
        assert refuse.asked.wait(10)


def test_an_error_of_the_run_is_not_hidden_by_one_of_the_observer(recorded: Path) -> None:
    refuse = Refusal()

    def fail() -> None:
        assert refuse.asked.wait(10)
        raise RuntimeError("of the run")  # noqa: EM101  (a test's own words)

    with (
        pytest.raises(RuntimeError, match="of the run"),
        sampling(FIRST, on_sample=refuse, root=recorded),
    ):
        fail()
