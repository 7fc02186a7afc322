"""What holds on Podman alone: what it cannot do is refused, and its service may come and go."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runner.host.engine import LABEL, DockerEngine
from runner.host.engine_request import get
from tests.faults.calls import call, ended, program, started, steps, wait_until
from tests.faults.leaks import nothing_left_behind
from tests.faults.small_disk import fill
from tests.nvml_stub import GIB, NvmlStub, StubGpu, build_nvml_stub, why_no_stub
from tests.podman_service import BASES, PodmanService, bring_images, podman_service
from tests.project_kit import Kit, build_kit_images, make_kit

NO_STUB = why_no_stub()
pytestmark = [pytest.mark.podman, pytest.mark.engine]

STORE_BYTES = 768 << 20
GPU = StubGpu(uuid="GPU-5ca1ab1e-0000-4000-8000-000000000001", total=8 * GIB)
SLOW_BUILD = """\
ARG PARENT=stagerun/parent-base:current
FROM ${PARENT}
RUN sleep 4.321
RUN true
"""
SPEC = """\
summary: Has a use for a GPU
{parents}
gpu: {need}
inputs: {{text: input/text}}
outputs: {{copy: {{file: copy.txt, type: text}}}}
resources: {{cpus: 1, memory: 128MiB, tmp: 16MiB, pids: 64, timeout: 60s}}
"""


def test_a_name_that_podman_cannot_mount_is_refused_and_nothing_changed(
    real_kit: Kit, job: Path
) -> None:
    strange = job.rename(job.with_name("a,b: c"))

    outcome = call(real_kit, strange, "--force")

    assert outcome.code == 5, outcome.text
    assert "Podman cannot mount" in outcome.text
    assert "Rename it" in outcome.text
    assert (strange / "50_probe/copy.txt").read_text() == "new\n"


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory, engine: DockerEngine) -> NvmlStub:
    if NO_STUB is not None:
        pytest.skip(NO_STUB)
    if engine.why_no_gpus() is None:
        pytest.skip("this Podman hands out GPUs")
    stub = build_nvml_stub(tmp_path_factory.mktemp("nvml"))
    stub.show(GPU)
    return stub


def test_a_required_gpu_is_refused_instead_of_ignored(real_kit: Kit, stub: NvmlStub) -> None:
    real_kit.spec("50_probe", SPEC.format(need="required", parents="parent: base"))
    job = real_kit.job()

    outcome = call(real_kit, job, **stub.environment)
    doctor = real_kit.run("doctor", timeout=60, **stub.environment)

    assert outcome.code == 6, outcome.text
    text = " ".join(outcome.text.split())
    assert "ignores requests for GPUs" in text
    assert "Use Docker" in text
    assert not (job / "50_probe").exists()
    assert doctor.returncode == 6
    assert "no GPUs" in doctor.stdout
    assert "required by 50_probe" in " ".join(doctor.stdout.split())


def test_an_optional_gpu_is_done_without_visibly(real_kit: Kit, stub: NvmlStub) -> None:
    real_kit.spec("50_probe", SPEC.format(need="optional", parents="parent: base"))
    real_kit.code("50_probe", program())
    job = real_kit.job()

    outcome = call(real_kit, job, **stub.environment)

    assert outcome.code == 0, outcome.text
    assert outcome.record is not None
    assert outcome.record["gpu"]["uuids"] == []
    assert "ignores requests for GPUs" in outcome.record["gpu"]["fallback"]
    assert "ignores requests for GPUs" in " ".join(outcome.text.split())


def test_what_podman_does_not_tell_of_memory_is_unknown_and_not_no(
    real_kit: Kit, job: Path
) -> None:
    real_kit.code("50_probe", program("held = bytearray(10**9)"))

    outcome = call(real_kit, job, "--force", "--memory", "48MiB")

    assert (outcome.code, outcome.verdict) == (7, "oom_memory"), outcome.text
    assert outcome.record is not None
    evidence = outcome.record["evidence"]
    assert (evidence["oom_event"], evidence["oom_kills"]) == (None, 1)
    assert evidence["oom_flag"] is not False


def test_the_second_copy_of_the_output_has_a_limit(
    real_kit: Kit, job: Path, engine: DockerEngine
) -> None:
    real_kit.code("50_probe", program("(folder / 'ready').touch(); time.sleep(60)"))
    with started(real_kit, "50_probe", job, "--dev", "--force") as process:
        wait_until((job / "50_probe/ready").exists, "the stage runs")
        (container,) = engine.containers({f"{LABEL}job": str(job)})
        # In Podman's own words: in Docker's it says nothing of them.
        answer = get(engine.address, f"/v4.0.0/libpod/containers/{container.id}/json").body
        found = json.loads(answer)["HostConfig"]["LogConfig"]
        process.terminate()
        process.communicate(timeout=30)

    assert (found["Type"], found["Size"]) == ("k8s-file", "100MB")


def test_an_interrupted_build_ends_with_the_step_that_it_is_in(
    real_kit: Kit, engine: DockerEngine
) -> None:
    asleep = ["sleep", "4.321"]
    (real_kit.root / "images/trial").mkdir()
    (real_kit.root / "images/trial/Dockerfile").write_text(SLOW_BUILD)
    real_kit.spec("50_probe", SPEC.format(need="none", parents="parent: trial"))

    def is_asleep() -> bool:
        return any(
            process.info["cmdline"] == asleep for process in psutil.process_iter(["cmdline"])
        )

    with started(real_kit, "build", "50_probe") as process:
        wait_until(is_asleep, "the step")
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=3)
    wait_until(lambda: not is_asleep(), "the end of the step")
    time.sleep(1)  # as long as Podman may need for a step that follows

    assert process.returncode == 130, text
    assert engine.image("stagerun/parent-trial:current") is None


@pytest.fixture(scope="module")
def other_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodmanService]:
    """A service of its own, which may be stopped and has little room."""
    with podman_service(store_bytes=STORE_BYTES) as service, pytest.MonkeyPatch.context() as patch:
        bring_images(service.address, *BASES)
        patch.setenv("DOCKER_HOST", service.address)
        build_kit_images(make_kit(tmp_path_factory.mktemp("kit") / "project"))
        yield service


def test_a_service_that_goes_away_is_told_and_the_next_run_cleans_up(
    kit: Kit, other_service: PodmanService, tmp_path: Path
) -> None:
    address = other_service.address
    kit.code("50_probe", program())
    job = kit.job()
    with nothing_left_behind(tmp_path, address):
        assert call(kit, job, DOCKER_HOST=address).code == 0
        kit.code("50_probe", program("(folder / 'ready').touch(); time.sleep(60)"))
        with started(kit, "50_probe", job, "--dev", "--force", DOCKER_HOST=address) as process:
            wait_until((job / "50_probe/ready").exists, "the stage runs")
            other_service.stop()
            text, _ = process.communicate(timeout=30)
        lost = ended(job, "50_probe", process.returncode, text)
        kept = (job / ".stagerun/previous/50_probe/copy.txt").read_text()
        while_away = call(kit, job, "--force", DOCKER_HOST=address)
        other_service.start()
        kit.code("50_probe", program())
        again = call(kit, job, "--force", DOCKER_HOST=address)

        assert "Traceback" not in text, text
        assert (lost.code, lost.verdict) == (5, "engine_unavailable"), text
        assert kept == "new\n"
        assert while_away.code == 5, while_away.text
        assert (again.code, again.verdict) == (0, "success"), again.text
        assert all("closed" in run for run in steps(job))


def test_an_image_store_without_room_is_a_full_disk_and_the_result_stays(
    kit: Kit, other_service: PodmanService
) -> None:
    address = other_service.address
    kit.code("50_probe", program())
    job = kit.job()
    first = call(kit, job, DOCKER_HOST=address)
    ballast = other_service.store / "ballast"
    fill(ballast)

    before = call(kit, job, "--force", DOCKER_HOST=address)
    kit.settings("limits: {stages_at_once: 64, disk_free: 0}\n")
    later = call(kit, job, "--force", DOCKER_HOST=address)
    ballast.unlink()
    after = call(kit, job, "--force", DOCKER_HOST=address)

    assert first.code == 0, first.text
    assert before.code == 9, before.text
    assert "where the engine keeps images and containers" in before.text
    assert later.code == 9, later.text
    assert "the engine has no space left" in later.text
    assert (after.code, after.verdict) == (0, "success"), after.text
