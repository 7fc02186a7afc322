"""A GPU that NVML shows reaches a container by its UUID: stub library, real engine, stub hook."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import APIError
from docker.models.containers import Container
from docker.types import DeviceRequest

from tests.nvml_stub import GIB, NvmlStub, StubGpu, build_nvml_stub, why_no_stub
from tests.second_engine import SecondEngine, second_engine, why_no_second_engine
from tests.small_image import build_program, import_image, why_no_small_image

NO_GPU_HERE = why_no_second_engine() or why_no_stub() or why_no_small_image()
pytestmark = [
    pytest.mark.docker,
    pytest.mark.engine,
    pytest.mark.root,
    pytest.mark.skipif(NO_GPU_HERE is not None, reason=str(NO_GPU_HERE)),
]

IMAGE = f"stagerun-test/second:{os.getpid()}"
SMALL = StubGpu(uuid="GPU-5ca1ab1e-0000-4000-8000-000000000001", total=8 * GIB, used=6 * GIB)
LARGE = StubGpu(uuid="GPU-5ca1ab1e-0000-4000-8000-000000000002", total=24 * GIB, used=4 * GIB)

MEASURE = """
import dataclasses, json, sys
from runner.host.gpu import inventory, lost
from runner.host.monitor import Monitor
with Monitor(int(sys.argv[1]), gpus=sys.argv[2:]) as monitor:
    monitor.sample()
    usage = dataclasses.asdict(monitor.summary())
print(json.dumps({**usage, "lost": lost(sys.argv[2:], inventory())}))
"""


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> NvmlStub:
    return build_nvml_stub(tmp_path_factory.mktemp("nvml"))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_program(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def engine(program: Path) -> Iterator[SecondEngine]:
    with second_engine() as running:
        import_image(running.client, program, IMAGE)
        yield running


def run_with_stub(stub: NvmlStub, script: str, *arguments: str) -> dict[str, object]:
    finished = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, **stub.environment},
        check=True,
        capture_output=True,
        text=True,
    )
    answer: dict[str, object] = json.loads(finished.stdout)
    return answer


def create(client: docker.DockerClient, *uuids: str, command: list[str]) -> Container:
    requests = [DeviceRequest(device_ids=list(uuids), capabilities=[["gpu"]])] if uuids else []
    return client.containers.create(
        IMAGE,
        ["/program", *command],
        network_mode="none",
        read_only=True,
        user="12345:12345",
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        device_requests=requests,
    )


def environment_of(container: Container) -> dict[str, str]:
    container.start()
    container.wait()
    lines = container.logs().decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_gpu_that_was_granted_reaches_the_container_and_no_other(engine: SecondEngine) -> None:
    container = create(engine.client, LARGE.uuid, command=["environment"])
    environment = environment_of(container)
    call = engine.hook_call(container.id)

    assert environment["NVIDIA_VISIBLE_DEVICES"] == LARGE.uuid
    assert call is not None
    assert call.arguments == ("prestart",)
    assert call.environment["NVIDIA_VISIBLE_DEVICES"] == LARGE.uuid


def test_a_container_without_a_grant_sees_no_device(engine: SecondEngine) -> None:
    container = create(engine.client, command=["environment"])

    assert "NVIDIA_VISIBLE_DEVICES" not in environment_of(container)
    assert engine.hook_call(container.id) is None


def test_a_hook_that_refuses_the_gpu_is_quoted_by_the_start_error(engine: SecondEngine) -> None:
    container = create(engine.client, "GPU-unknown", command=["environment"])
    engine.let_hook_fail("device error: GPU-unknown: unknown device")
    try:
        with pytest.raises(APIError, match="GPU-unknown: unknown device"):
            container.start()
    finally:
        engine.let_hook_work()


def test_without_the_hook_a_gpu_is_refused_at_the_start_and_not_before(program: Path) -> None:
    with second_engine(hook=False) as engine:
        import_image(engine.client, program, IMAGE)
        container = create(engine.client, LARGE.uuid, command=["environment"])
        with pytest.raises(APIError, match=r'could not select device driver "" with capabilities'):
            container.start()
        container.reload()
        state = container.attrs["State"]

    assert (state["Status"], state["ExitCode"]) == ("created", 128)


def test_an_image_of_the_other_engine_is_the_same_image_here(
    engine: SecondEngine, program: Path
) -> None:
    name = f"{IMAGE}-loaded"
    main = docker.DockerClient()
    try:
        import_image(main, program, name)
        try:
            engine.load(name)
            assert engine.client.images.get(name).id == main.images.get(name).id
        finally:
            main.images.remove(name)
    finally:
        main.close()


def test_a_second_engine_leaves_the_bridges_of_the_first_alone_and_no_folder() -> None:
    bridges = set(Path("/sys/class/net").glob("*/bridge"))
    with second_engine() as engine:
        folder = engine.folder
        assert bridges <= set(Path("/sys/class/net").glob("*/bridge"))

    assert bridges <= set(Path("/sys/class/net").glob("*/bridge"))
    assert not folder.exists()
    assert str(folder) not in Path("/proc/self/mountinfo").read_text()


def test_gpu_memory_is_counted_for_the_processes_of_the_container_alone(
    engine: SecondEngine, stub: NvmlStub
) -> None:
    container = create(engine.client, LARGE.uuid, command=["sleep", "60"])
    container.start()
    try:
        container.reload()
        pid: int = container.attrs["State"]["Pid"]
        held = ((pid, 3 * GIB), (1, 5 * GIB))
        stub.show(SMALL, StubGpu(uuid=LARGE.uuid, utilisation=40, processes=held))
        usage = run_with_stub(stub, MEASURE, str(pid), LARGE.uuid)
    finally:
        container.remove(force=True)

    assert usage["gpu_memory_peak_bytes"] == 3 * GIB
    assert usage["gpu_utilisation_peak"] == 0.4
    assert usage["gpu_used"] is True
    assert usage["lost"] == []


def test_a_gpu_that_is_lost_during_the_run_is_named(stub: NvmlStub) -> None:
    stub.show(SMALL, StubGpu(uuid=LARGE.uuid, code=15))

    usage = run_with_stub(stub, MEASURE, str(os.getpid()), LARGE.uuid)

    assert usage["lost"] == [LARGE.uuid]
    assert usage["gpu_used"] is None
