"""``stagerun cancel``: what one terminal runs is stopped from another."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.host.engine import LABEL, DockerEngine
from tests.faults.calls import call, ended, program, read_until, started, steps, wait_until
from tests.project_kit import Kit

pytestmark = pytest.mark.engine

BEGUN = "50_probe/.cache/begun"
BEGIN = "(folder / '.cache').mkdir(exist_ok=True)\n(folder / '.cache/begun').touch()\n"
WAITING = program(BEGIN + "while not Path('/job/input/go').exists(): time.sleep(0.02)")
DEAF = program("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + BEGIN + "time.sleep(90)")


@pytest.fixture
def runner(real_kit: Kit, job: Path) -> Iterator["subprocess.Popen[str]"]:
    """A runner of the whole job whose first stage waits."""
    real_kit.code("50_probe", WAITING)
    with started(real_kit, "run", job, "--dev", "--force") as process:
        wait_until((job / BEGUN).exists, "the stage")
        yield process
        (job / "input/go").touch()


def containers(job: Path) -> int:
    return len(DockerEngine().containers({f"{LABEL}job": str(job)}))


def test_a_job_is_stopped_with_all_that_it_had_before_it(
    real_kit: Kit, job: Path, runner: "subprocess.Popen[str]"
) -> None:
    cancelled = real_kit.run("cancel", job)
    text, _ = runner.communicate(timeout=30)
    outcome = ended(job, "50_probe", runner.returncode, text)
    assert (cancelled.returncode, outcome.code) == (0, 130), text
    assert "50_probe: run" in cancelled.stdout
    assert outcome.verdict == "cancelled"
    assert outcome.record is not None
    assert "stagerun cancel" in outcome.record["reason"]
    assert not (job / "51_next").exists()
    assert containers(job) == 0


def test_another_stage_of_the_job_is_left_alone(
    real_kit: Kit, job: Path, runner: "subprocess.Popen[str]"
) -> None:
    cancelled = real_kit.run("cancel", job, "51_next")
    (job / "input/go").touch()
    text, _ = runner.communicate(timeout=60)
    assert (cancelled.returncode, runner.returncode) == (0, 0), text
    assert "nothing runs" in cancelled.stdout


def test_a_stage_that_does_not_listen_is_killed(real_kit: Kit, job: Path) -> None:
    real_kit.code("50_probe", DEAF)
    with started(real_kit, "50_probe", job, "--dev", "--force") as process:
        wait_until((job / BEGUN).exists, "the stage")
        cancelled = real_kit.run("cancel", job, "50_probe", "--now")
        text, _ = process.communicate(timeout=30)
    assert (cancelled.returncode, process.returncode) == (0, 130), text


def test_a_runner_that_waits_for_its_turn_is_stopped_too(
    real_kit: Kit, job: Path, runner: "subprocess.Popen[str]"
) -> None:
    with started(real_kit, "50_probe", job, "--dev", "--wait") as second:
        read_until(second, "waiting")
        assert real_kit.run("cancel", job).returncode == 0
        text, _ = second.communicate(timeout=30)
    runner.communicate(timeout=30)
    assert (second.returncode, runner.returncode) == (130, 130), text


def test_a_container_whose_runner_died_is_stopped_and_its_run_closed(
    real_kit: Kit, job: Path, runner: "subprocess.Popen[str]"
) -> None:
    runner.kill()
    runner.wait(timeout=20)
    cancelled = real_kit.run("cancel", job)
    assert cancelled.returncode == 0, cancelled.stderr
    assert containers(job) == 0
    assert ended(job, "50_probe", 0, "").verdict == "cancelled"
    assert all("closed" in run for run in steps(job))


def test_a_call_after_the_request_is_not_meant(
    real_kit: Kit, job: Path, runner: "subprocess.Popen[str]"
) -> None:
    real_kit.run("cancel", job)
    runner.communicate(timeout=30)
    (job / "input/go").touch()
    assert call(real_kit, job).code == 0
