"""What a real container uses, measured from the host on whatever cgroup version it has."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import docker
import psutil
import pytest
from docker.errors import DockerException
from docker.models.containers import Container
from docker.types import Mount

from runner.host.monitor import Monitor, Sample, Usage
from runner.host.sampler import sampling
from tests.small_image import build_program, import_image, why_no_small_image

MIB = 1024**2
IMAGE = f"stagerun-test/measured:{os.getpid()}"

Starter = Callable[..., Container]


def why_not_measured() -> str | None:
    try:
        docker.from_env().close()
    except DockerException:
        return "no container engine answers"
    return why_no_small_image()


NOT_MEASURED = why_not_measured()
pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(NOT_MEASURED is not None, reason=str(NOT_MEASURED)),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[docker.DockerClient]:
    with ExitStack() as stack:
        client = docker.from_env()
        stack.callback(client.close)
        import_image(client, build_program(tmp_path_factory.mktemp("program")), IMAGE)
        stack.callback(client.images.remove, IMAGE)
        yield client


@pytest.fixture
def start(client: docker.DockerClient) -> Iterator[Starter]:
    with ExitStack() as stack:

        def starter(*command: str, data: Path | None = None) -> Container:
            container = client.containers.create(
                IMAGE,
                ["/program", *command],
                network_mode="none",
                user=f"{os.getuid()}:{os.getgid()}",
                mounts=[] if data is None else [Mount("/data", str(data), type="bind")],
            )
            stack.callback(container.remove, force=True)
            container.start()
            container.reload()
            return container

        yield starter


def pid_of(container: Container) -> int:
    pid: int = container.attrs["State"]["Pid"]
    return pid


def wait_for(done: Callable[[Usage], bool], monitor: Monitor) -> Usage:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        monitor.sample()
        usage = monitor.summary()
        if done(usage):
            return usage
        time.sleep(0.05)
    pytest.fail(f"not reached in 20 s: {monitor.summary()}")


def test_cpu_seconds_and_memory_of_a_container_are_seen_from_the_host(start: Starter) -> None:
    monitor = Monitor(pid_of(start("memory", "48", "spin", "300", "sleep", "60")))

    usage = wait_for(lambda seen: (seen.cpu_seconds or 0) >= 0.3, monitor)

    assert usage.memory_peak_bytes is not None
    assert 48 * MIB <= usage.memory_peak_bytes < 96 * MIB
    assert usage.memory_mean_bytes is not None
    assert usage.memory_mean_bytes <= usage.memory_peak_bytes


def test_bytes_written_to_a_disk_are_seen_from_the_host(start: Starter, tmp_path: Path) -> None:
    mounts = {found.mountpoint: found.fstype for found in psutil.disk_partitions(all=True)}
    home = next(str(place) for place in (tmp_path, *tmp_path.parents) if str(place) in mounts)
    if mounts[home] == "tmpfs":
        pytest.skip("the tests' temporary folder is in memory: nothing is written to a disk")
    monitor = Monitor(pid_of(start("write", "4", "sleep", "60", data=tmp_path)))

    usage = wait_for(lambda seen: (seen.write_bytes or 0) >= 4 * MIB, monitor)

    assert usage.write_bytes is not None
    assert usage.write_bytes < 16 * MIB


def test_a_container_that_ended_leaves_its_last_figures(start: Starter) -> None:
    container = start("memory", "16", "sleep", "60")
    monitor = Monitor(pid_of(container))
    before = wait_for(lambda seen: (seen.memory_peak_bytes or 0) >= 16 * MIB, monitor)
    container.kill()
    container.wait()

    after = monitor.sample()

    assert after.memory_bytes is None
    assert after.cpu_seconds is None
    assert monitor.summary().memory_peak_bytes == before.memory_peak_bytes


def test_sampling_in_the_background_sees_a_container_live(start: Starter) -> None:
    samples: list[Sample] = []
    container = start("memory", "8", "sleep", "60")
    with sampling(pid_of(container), on_sample=samples.append, intervals=[0.02]) as sampler:
        end = time.monotonic() + 20
        while len(samples) < 5 and time.monotonic() < end:
            time.sleep(0.02)

    assert len(samples) >= 5
    assert samples[0].time < samples[-1].time
    assert sampler.summary().samples == len(samples)
