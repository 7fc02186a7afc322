"""A stage that asks for a GPU, from its stage.yaml to its container: stub library, stub hook."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faults.calls import Ended, call, ended, program, started, wait_until
from tests.faults.leaks import nothing_left_behind
from tests.nvml_stub import GIB, NvmlStub, StubGpu, build_nvml_stub, why_no_stub
from tests.project_kit import Kit
from tests.second_engine import SecondEngine, second_engine, why_no_second_engine

NO_GPU_HERE = why_no_second_engine() or why_no_stub()
pytestmark = [
    pytest.mark.docker,
    pytest.mark.engine,
    pytest.mark.root,
    pytest.mark.skipif(NO_GPU_HERE is not None, reason=str(NO_GPU_HERE)),
]

SMALL = StubGpu(uuid="GPU-5ca1ab1e-0000-4000-8000-000000000001", total=8 * GIB, used=6 * GIB)
LARGE = StubGpu(uuid="GPU-5ca1ab1e-0000-4000-8000-000000000002", total=24 * GIB, used=4 * GIB)
SPEC = """\
summary: Tells which GPUs it sees
{parents}
gpu: {need}
gpu_proof: off
inputs: {{text: input/text}}
outputs: {{copy: {{file: copy.txt, type: text}}}}
resources: {{cpus: 1, memory: 128MiB, tmp: 16MiB, pids: 64, timeout: 60s, gpu_memory: {memory}}}
"""
BOTH = "parents: {cpu: base, cuda: base}"
TELL = program("""
import json
names = ("NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
io.output("copy").write_text(json.dumps({name: os.environ.get(name) for name in names}))
""")


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> NvmlStub:
    return build_nvml_stub(tmp_path_factory.mktemp("nvml"))


@pytest.fixture(scope="module")
def other_engine(kit_images: None) -> Iterator[SecondEngine]:  # noqa: ARG001  (built first)
    """An engine with the stub hook, and an image of its own for each variant."""
    with second_engine() as running:
        running.load("stagerun/50_probe:main")
        image = running.client.images.get("stagerun/50_probe:main")
        for variant in ("cpu", "cuda"):
            box = running.client.containers.create(image, network_mode="none")
            box.commit("stagerun/50_probe", variant, changes=f"LABEL variant={variant}")
            box.remove()
        yield running


@pytest.fixture(autouse=True)
def clean_there(other_engine: SecondEngine, tmp_path: Path) -> Iterator[None]:
    with nothing_left_behind(tmp_path, other_engine.address):
        yield


class Machine:
    """The second engine and the stub library, as the command line meets them."""

    def __init__(self, kit: Kit, engine: SecondEngine, stub: NvmlStub) -> None:
        self.kit = kit
        self.environment = {**stub.environment, "DOCKER_HOST": engine.address}
        self.job = kit.job()
        self.kit.code("50_probe", TELL)

    def stage(self, need: str, *, memory: str = "1GiB", parents: str = "parent: base") -> None:
        self.kit.spec("50_probe", SPEC.format(need=need, memory=memory, parents=parents))

    def run(self, *options: str) -> Ended:
        return call(self.kit, self.job, *options, **self.environment)

    def seen(self) -> dict[str, str | None]:
        found: dict[str, str | None] = json.loads((self.job / "50_probe/copy.txt").read_text())
        return found

    def image_label(self, engine: SecondEngine, outcome: Ended) -> str | None:
        assert outcome.record is not None, outcome.text
        labels: dict[str, Any] = engine.client.images.get(outcome.record["image"]["digest"]).labels
        return labels.get("variant")


@pytest.fixture
def machine(kit: Kit, other_engine: SecondEngine, stub: NvmlStub) -> Machine:
    stub.show(SMALL, LARGE)
    return Machine(kit, other_engine, stub)


def test_a_required_gpu_reaches_the_container_by_its_uuid_and_no_other_does(
    machine: Machine, other_engine: SecondEngine
) -> None:
    machine.stage("required", memory="10GiB", parents=BOTH)

    outcome = machine.run()

    assert outcome.code == 0, outcome.text
    assert machine.seen() == {
        "NVIDIA_VISIBLE_DEVICES": LARGE.uuid,
        "CUDA_VISIBLE_DEVICES": LARGE.uuid,
    }
    assert outcome.record is not None
    assert outcome.record["gpu"]["uuids"] == [LARGE.uuid]
    assert outcome.record["variant"] == "cuda"
    assert machine.image_label(other_engine, outcome) == "cuda"
    hooked = other_engine.hook_call(outcome.record["container_id"])
    assert hooked is not None
    assert hooked.environment["NVIDIA_VISIBLE_DEVICES"] == LARGE.uuid


def test_a_stage_without_need_for_a_gpu_sees_none(
    machine: Machine, other_engine: SecondEngine
) -> None:
    machine.stage("none")

    outcome = machine.run()

    assert outcome.code == 0, outcome.text
    assert machine.seen() == {"NVIDIA_VISIBLE_DEVICES": None, "CUDA_VISIBLE_DEVICES": None}
    assert outcome.record is not None
    assert other_engine.hook_call(outcome.record["container_id"]) is None


def with_result(machine: Machine) -> None:
    """Let the stage have a good result, and ask for a GPU from then on."""
    machine.stage("none")
    assert machine.run().code == 0
    (machine.job / "50_probe/.cache").mkdir()
    machine.stage("required", memory="10GiB")


def assert_result_is_in_place(machine: Machine, outcome: Ended) -> None:
    assert machine.seen()["CUDA_VISIBLE_DEVICES"] is None
    assert (machine.job / "50_probe/.cache").is_dir()
    assert not (machine.job / ".stagerun/previous/50_probe").exists()
    assert outcome.entry["good_is"] == "in place"


def test_a_required_gpu_on_a_machine_without_driver_is_refused_and_the_result_stays(
    machine: Machine, stub: NvmlStub
) -> None:
    with_result(machine)
    stub.show(init=9)

    outcome = machine.run("--force")

    assert outcome.code == 6, outcome.text
    assert "no GPU" in outcome.text
    assert "kernel driver is not loaded" in outcome.text
    assert_result_is_in_place(machine, outcome)


def test_a_gpu_with_too_little_free_memory_is_refused_with_numbers(machine: Machine) -> None:
    with_result(machine)
    machine.stage("required", memory="21GiB")

    outcome = machine.run("--force")

    assert outcome.code == 6, outcome.text
    assert "21" in outcome.text
    assert "has 19.75 GiB of 24 GiB" in outcome.text
    assert_result_is_in_place(machine, outcome)


def test_a_gpu_that_the_engine_cannot_hand_over_puts_the_result_back(
    machine: Machine, other_engine: SecondEngine
) -> None:
    with_result(machine)
    other_engine.let_hook_fail(f"nvidia-container-cli: device error: {LARGE.uuid}: unknown device")
    try:
        outcome = machine.run("--force")
    finally:
        other_engine.let_hook_work()

    assert outcome.code == 6, outcome.text
    assert "unknown device" in outcome.text
    assert_result_is_in_place(machine, outcome)


@pytest.mark.parametrize("parents", [BOTH, "parent: base"], ids=["variants", "one image"])
def test_an_optional_gpu_falls_back_to_the_processor_where_everybody_sees_it(
    machine: Machine, other_engine: SecondEngine, parents: str
) -> None:
    machine.stage("optional", memory="30GiB", parents=parents)

    outcome = machine.run()

    assert outcome.code == 0, outcome.text
    assert machine.seen() == {"NVIDIA_VISIBLE_DEVICES": None, "CUDA_VISIBLE_DEVICES": None}
    notice = "no GPU was granted, the stage runs on the CPU"
    manifest = json.loads((machine.job / "50_probe/manifest.json").read_text())
    assert notice in " ".join(outcome.text.split())
    assert any(notice in warning for warning in manifest["warnings"])
    assert any(notice in warning for warning in outcome.entry["warnings"])
    assert outcome.record is not None
    assert "No GPU here is as large as 30 GiB" in outcome.record["gpu"]["fallback"].replace(
        "no GPU", "No GPU"
    )
    if parents == BOTH:
        assert outcome.record["variant"] == "cpu"
        assert machine.image_label(other_engine, outcome) == "cpu"


def test_an_optional_gpu_that_is_there_is_used(
    machine: Machine, other_engine: SecondEngine
) -> None:
    machine.stage("optional", parents=BOTH)

    outcome = machine.run()

    assert outcome.code == 0, outcome.text
    assert machine.seen()["CUDA_VISIBLE_DEVICES"] == LARGE.uuid
    assert machine.image_label(other_engine, outcome) == "cuda"
    assert outcome.entry["warnings"] == []


def test_a_gpu_that_vanishes_during_the_run_is_named(machine: Machine, stub: NvmlStub) -> None:
    machine.stage("required")
    machine.kit.code(
        "50_probe",
        program(
            "(folder / 'ready').touch()\n"
            "while not Path('/job/input/go').exists(): time.sleep(0.02)\n"
            "sys.exit('CUDA error: unspecified launch failure')"
        ),
    )
    with started(machine.kit, "50_probe", machine.job, "--dev", **machine.environment) as process:
        wait_until((machine.job / "50_probe/ready").exists, "the stage runs")
        stub.show(StubGpu(uuid=LARGE.uuid, code=15))
        (machine.job / "input/go").touch()
        text, _ = process.communicate(timeout=30)

    outcome = ended(machine.job, "50_probe", process.returncode, text)
    assert (outcome.code, outcome.verdict) == (6, "gpu_lost"), text
    assert LARGE.uuid in text


WAIT_FOR_GO = program(
    "(folder / 'ready').touch()\n"
    "while not Path('/job/input/go').exists(): time.sleep(0.02)\n"
    "(folder / 'ready').unlink()"
)


def test_a_driver_that_begins_to_hang_during_a_run_holds_its_end_up_for_seconds_only(
    machine: Machine, stub: NvmlStub
) -> None:
    machine.stage("required")
    machine.kit.code("50_probe", WAIT_FOR_GO)
    with started(machine.kit, "50_probe", machine.job, "--dev", **machine.environment) as process:
        wait_until((machine.job / "50_probe/ready").exists, "the stage runs")
        stub.show(SMALL, LARGE, hang=600)
        time.sleep(1.5)
        (machine.job / "input/go").touch()
        text, _ = process.communicate(timeout=60)

    outcome = ended(machine.job, "50_probe", process.returncode, text)
    assert outcome.record is not None, text
    assert outcome.verdict != "gpu_lost", text


def test_the_course_of_the_gpu_is_kept_and_drawn(
    machine: Machine, other_engine: SecondEngine, stub: NvmlStub
) -> None:
    machine.stage("required")
    machine.kit.code("50_probe", WAIT_FOR_GO)
    with started(machine.kit, "50_probe", machine.job, "--dev", **machine.environment) as process:
        wait_until((machine.job / "50_probe/ready").exists, "the stage runs")
        (container,) = other_engine.client.containers.list()
        pid = container.attrs["State"]["Pid"]
        held = replace(LARGE, processes=[(pid, 3 * GIB), (1, GIB)], utilisation=50)
        stub.show(SMALL, replace(held, power_milliwatts=71_000, temperature=63))
        time.sleep(2.5)
        (machine.job / "input/go").touch()
        text, _ = process.communicate(timeout=60)

    outcome = ended(machine.job, "50_probe", process.returncode, text)
    assert outcome.record is not None
    curve = outcome.record["gpu_curve"][LARGE.uuid]
    assert curve["memory_peak_bytes"] == 3 * GIB == max(filter(None, curve["memory_bytes"]))
    assert outcome.record["usage"]["gpu_used"] is True
    assert outcome.record["usage"]["gpu_energy_joules"] > 71
    drawn = machine.kit.run("status", machine.job, "-v", timeout=60, **machine.environment).stdout
    assert f"{LARGE.uuid[:12]}  memory" in drawn
    assert "peak 3.2 GB of 25.8 GB" in drawn
    assert "up to 63 °C" in drawn
