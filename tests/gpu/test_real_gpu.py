"""What only a real GPU shows: that it arrives in the container, and what a run does with it."""

import json
from collections.abc import Iterator

import pytest

from runner.host.gpu import inventory
from tests.faults.calls import PROBE, ended, started, wait_until
from tests.gpu.conftest import GpuMachine, curve, gpu_part
from tests.nvml_stub import GIB

pytestmark = [pytest.mark.docker, pytest.mark.engine]
# A driver counts a context with it, some hundreds of MB.
CONTEXT = 2 * GIB
HELD_SECONDS = 6


@pytest.fixture
def used_before(machine: GpuMachine) -> Iterator[int]:
    """The memory of the GPU that is in use; by the end of a test no more than that is."""
    before = used(machine)
    yield before
    wait_until(lambda: used(machine) <= before + GIB // 8, "the memory came back")


def used(machine: GpuMachine) -> int:
    found = next(gpu for gpu in inventory().gpus if gpu.uuid == machine.gpu.uuid)
    return found.memory_used_bytes or 0


def test_the_gpus_that_were_granted_are_those_that_the_container_sees(machine: GpuMachine) -> None:
    machine.stage(
        "gpu = cuda.Gpu()",
        "import json",
        'io.output("copy").write_text(json.dumps(gpu.uuids()))',
        more="gpu_proof: off",
    )
    job = machine.kit.job()

    outcome = machine.run(job)

    assert outcome.code == 0, outcome.text
    assert json.loads((job / PROBE / "copy.txt").read_text()) == gpu_part(outcome)["uuids"]


def test_a_stage_that_computes_is_proven_to_have_used_its_gpu(
    machine: GpuMachine, used_before: int
) -> None:
    machine.stage("gpu = cuda.Gpu()", "gpu.allocate(GIB)", f"gpu.hold({HELD_SECONDS})")

    outcome = machine.run(machine.kit.job())

    assert outcome.code == 0, outcome.text
    assert outcome.record is not None
    usage = outcome.record["usage"]
    assert usage["gpu_used"] is True
    assert GIB <= usage["gpu_memory_peak_bytes"] <= GIB + CONTEXT
    assert used_before >= 0


def test_a_stage_that_only_says_so_is_found_out(machine: GpuMachine) -> None:
    machine.stage("time.sleep(8)")

    outcome = machine.run(machine.kit.job())

    assert outcome.verdict == "gpu_mismatch", outcome.text


def test_memory_power_and_energy_are_on_record(machine: GpuMachine) -> None:
    machine.stage("gpu = cuda.Gpu()", "gpu.allocate(GIB)", f"gpu.hold({HELD_SECONDS})")

    outcome = machine.run(machine.kit.job())

    found = curve(outcome)
    assert found["memory_peak_bytes"] >= GIB
    assert found["memory_total_bytes"] == machine.total
    assert 0 < len(found["seconds"]) == len(found["power_watts"]) <= 200
    assert found["power_watts_mean"] > 0
    assert found["energy_joules"] > 0
    assert found["temperature_celsius_peak"] > 0


def test_what_a_run_took_is_what_the_next_one_asks_for(machine: GpuMachine) -> None:
    hold = ("gpu = cuda.Gpu()", "gpu.allocate(2 * GIB)", f"gpu.hold({HELD_SECONDS})")
    machine.stage(*hold, memory=None)

    first, second = (machine.run(machine.kit.job(name)) for name in ("first", "second"))

    assert (first.code, second.code) == (0, 0), first.text + second.text
    assert gpu_part(first)["asked"] is None
    assert 2 * GIB < gpu_part(second)["asked"] < 3 * GIB + CONTEXT
    assert str(gpu_part(first)["uuids"]) == str(gpu_part(second)["uuids"])


LADDER = """\
config:
  BATCH: {type: int, range: [1, 64], default: "16", help: Eighths of the memory of the GPU}
retry:
  - {on: oom_gpu, attempts: 6, wait: 0, set: {BATCH: halve}}
"""


def test_a_batch_that_is_too_large_is_halved_until_it_fits_and_the_next_job_begins_there(
    machine: GpuMachine, used_before: int
) -> None:
    machine.stage(
        "from shared.config import load_config",
        "gpu = cuda.Gpu()",
        f'gpu.allocate(int(load_config().get("BATCH")) * {machine.total // 8})',
        f"gpu.hold({HELD_SECONDS})",
        memory="all",
        more=LADDER,
    )
    first, second = machine.kit.job("first"), machine.kit.job("second")

    outcome, again = machine.run(first), machine.run(second)

    assert (outcome.code, again.code) == (0, 0), outcome.text + again.text
    assert outcome.record is not None
    assert again.record is not None
    assert (outcome.record["attempt"]["number"], again.record["attempt"]["number"]) == (3, 1)
    for record in (outcome.record, again.record):
        changes = {it["name"]: it["used"] for it in record["attempt"]["changes"]}
        assert changes == {"BATCH": "4"}
    assert used_before >= 0


def test_the_memory_of_a_run_that_is_cancelled_comes_back(
    machine: GpuMachine, used_before: int
) -> None:
    machine.stage("gpu = cuda.Gpu()", "gpu.allocate(GIB)", "gpu.hold(50)")
    job = machine.kit.job()
    with started(machine.kit, PROBE, job, "--dev") as process:
        wait_until(lambda: used(machine) >= used_before + GIB, "the stage holds its memory", 40)
        process.terminate()
        text, _ = process.communicate(timeout=40)
    outcome = ended(job, PROBE, process.returncode, text)
    assert outcome.verdict == "cancelled", text
    assert "have not come back" not in " ".join(text.split())


def test_what_was_reserved_is_granted_to_no_other_run(machine: GpuMachine) -> None:
    machine.stage("gpu = cuda.Gpu()", "gpu.allocate(GIB)", "gpu.hold(20)", memory="all")
    with started(machine.kit, PROBE, machine.kit.job("first"), "--dev") as process:
        wait_until(lambda: any(machine.ledger.glob("*.json")), "the first one has its GPU", 40)
        for _ in inventory().gpus[1:]:
            pytest.skip("this machine has other GPUs to grant")
        second = machine.run(machine.kit.job("second"))
        process.terminate()
        process.communicate(timeout=40)
    assert second.code == 6, second.text
    assert "first" in second.text
