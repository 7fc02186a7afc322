"""Runners that are told to stop, or killed, at every step of a run; and two of them at once."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.calls import (
    Ended,
    call,
    ended,
    program,
    read_until,
    started,
    steps,
    wait_until,
)
from tests.project_kit import Kit

pytestmark = pytest.mark.engine

STEPS = ("intent", "folder", "container", "started")
SLEEP_SECONDS, GRACE_SECONDS = 120, 60
"""How long the stages here last, and are given to end; a test that meets neither took neither."""

SLEEPY = program(f"print('asleep', flush=True); time.sleep({SLEEP_SECONDS})")
WAITING = program("while not Path('/job/input/go').exists(): time.sleep(0.05)")
DEAF = program(
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); (folder / 'deaf').touch(); "
    f"time.sleep({SLEEP_SECONDS})"
)


def wait_for_step(job: Path, step: str) -> None:
    """Wait until the newest run has come that far; the first run is the fixture's."""
    wait_until(lambda: any(step in run for run in steps(job) if "closed" not in run), step)


def stop(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str]:
    process.send_signal(number)
    text, _ = process.communicate(timeout=30)
    assert "Traceback" not in text, text
    return process.returncode, text


def listens(pid: int) -> bool:
    """Whether a process has a handler for SIGTERM, which Python by itself has not."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)
    return found is not None and bool(int(found[1], 16) >> (signal.SIGTERM - 1) & 1)


def assert_good_result_is_there(job: Path) -> None:
    places = [job / "50_probe", job / ".stagerun/previous/50_probe"]
    assert "new\n" in [
        (place / "copy.txt").read_text() for place in places if (place / "copy.txt").exists()
    ]


@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c_at_any_step_ends_the_run_and_keeps_the_result(
    real_kit: Kit, job: Path, step: str
) -> None:
    real_kit.code("50_probe", SLEEPY)

    with started(real_kit, "50_probe", job, "--dev", "--force") as process:
        wait_for_step(job, step)
        code, text = stop(process, signal.SIGINT)

    assert code == 130, text
    assert "cancelled" in text.lower()
    assert_good_result_is_there(job)
    assert all("closed" in run for run in steps(job))


def test_ctrl_c_at_any_moment_leaves_nothing_half_done(real_kit: Kit, job: Path) -> None:
    real_kit.code("50_probe", program("time.sleep(0.3)"))
    for moment in (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6):
        with started(real_kit, "50_probe", job, "--dev", "--force") as process:
            # Before the program listens, a signal ends it as it ends any program.
            wait_until(lambda: listens(process.pid), "the runner listens for signals")
            time.sleep(moment)
            code, text = stop(process, signal.SIGINT)
        assert code in {130, 0}, text
        assert_good_result_is_there(job)
        assert all("closed" in run for run in steps(job)), text

    real_kit.code("50_probe", program())
    assert call(real_kit, job, "--force").code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_each_signal_has_its_exit_code(
    real_kit: Kit, job: Path, number: signal.Signals, code: int
) -> None:
    real_kit.code("50_probe", SLEEPY)

    with started(real_kit, "50_probe", job, "--dev", "--force") as process:
        wait_for_step(job, "started")
        found, text = stop(process, number)

    outcome = ended(job, "50_probe", found, text)
    assert (outcome.code, outcome.verdict) == (code, "cancelled"), text
    assert number.name in text
    assert outcome.entry["good_is"] == "previous"


@pytest.mark.parametrize("name", ["HUP", "INT"])
def test_a_signal_that_the_caller_has_ignored_stops_nothing(
    real_kit: Kit, job: Path, name: str
) -> None:
    real_kit.code("50_probe", WAITING)

    with started(real_kit, "run", job, "--dev", "--force", ignored=name) as process:
        wait_for_step(job, "started")
        process.send_signal(getattr(signal, f"SIG{name}"))
        (job / "input/go").touch()
        text, _ = process.communicate(timeout=60)

    assert process.returncode == 0, text
    assert "nothing more is started" not in text
    assert (job / "52_last/copy.txt").exists()


def test_a_second_ctrl_c_kills_a_stage_that_does_not_listen(real_kit: Kit, job: Path) -> None:
    real_kit.settings(f"limits: {{stages_at_once: 64, stop_grace: {GRACE_SECONDS}s}}\n")
    real_kit.code("50_probe", DEAF)

    with started(real_kit, "50_probe", job, "--dev", "--force") as process:
        wait_until((job / "50_probe/deaf").exists, "the stage is deaf")
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        told = read_until(process, "a second one kills")
        code, text = stop(process, signal.SIGINT)

    outcome = ended(job, "50_probe", code, told + text)
    assert (outcome.code, outcome.verdict) == (130, "cancelled"), text
    assert time.monotonic() - begun < GRACE_SECONDS / 2
    assert outcome.record is not None
    assert outcome.record["evidence"]["exit_code"] == 137


def test_ctrl_c_in_a_pipeline_starts_nothing_more(real_kit: Kit, job: Path) -> None:
    real_kit.code("50_probe", SLEEPY)

    with started(real_kit, "run", job, "--dev", "--force") as process:
        wait_for_step(job, "started")
        code, text = stop(process, signal.SIGINT)

    assert code == 130, text
    assert not (job / "51_next").exists()


@pytest.mark.parametrize("step", STEPS)
def test_a_runner_killed_at_any_step_is_cleaned_up_after_by_the_next(
    real_kit: Kit, job: Path, step: str
) -> None:
    real_kit.code("50_probe", WAITING)
    with started(real_kit, "50_probe", job, "--dev", "--force") as process:
        wait_for_step(job, step)
        process.kill()
        process.wait(timeout=20)
    assert_good_result_is_there(job)
    real_kit.code("50_probe", program())
    (job / "input/go").touch()

    outcome = call(real_kit, job, "--force")

    assert (outcome.code, outcome.verdict) == (0, "success"), outcome.text
    assert all("closed" in run for run in steps(job))
    if step == "started":
        assert "runner" in outcome.text
        assert "died" in outcome.text


def test_after_a_dead_runner_the_old_result_can_be_restored(real_kit: Kit, job: Path) -> None:
    real_kit.code("50_probe", WAITING)
    with started(real_kit, "50_probe", job, "--dev", "--force") as process:
        wait_for_step(job, "started")
        process.kill()
        process.wait(timeout=20)
    refused = real_kit.run("restore", "50_probe", job)
    assert (refused.returncode, "still there" in refused.stderr) == (11, True), refused.stderr

    (job / "input/go").touch()
    real_kit.code("50_probe", program("sys.exit(3)"))
    assert call(real_kit, job, "--force").code == 1
    restored = real_kit.run("restore", "50_probe", job)

    assert restored.returncode == 0, restored.stderr
    assert (job / "50_probe/copy.txt").read_text() == "new\n"


@pytest.fixture
def busy(real_kit: Kit, job: Path) -> Iterator["subprocess.Popen[str]"]:
    """A runner whose stage ends when its job's input has a file ``go``."""
    real_kit.code("50_probe", WAITING)
    with started(real_kit, "50_probe", job, "--dev", "--force") as process:
        wait_for_step(job, "started")
        yield process
        (job / "input/go").touch()
        process.communicate(timeout=30)
        assert process.returncode == 0


@pytest.fixture
def other(real_kit: Kit) -> Path:
    """Another job, whose stage may go at once."""
    folder = real_kit.job("other")
    (folder / "input/go").touch()
    return folder


def test_a_second_runner_of_the_same_stage_is_refused(
    real_kit: Kit, job: Path, busy: "subprocess.Popen[str]"
) -> None:
    outcome = call(real_kit, job, "--force")

    assert outcome.code == 11, outcome.text
    assert f"is being run by process {busy.pid}" in " ".join(outcome.text.split())
    assert "--wait" in outcome.text


@pytest.mark.usefixtures("busy")
def test_a_second_runner_can_wait_for_the_first(real_kit: Kit, job: Path) -> None:
    with started(real_kit, "50_probe", job, "--dev", "--wait") as second:
        text = read_until(second, "waiting")
        (job / "input/go").touch()
        text += second.communicate(timeout=30)[0]

    assert second.returncode == 0, text
    assert "cached" in text


@pytest.mark.usefixtures("busy")
def test_a_second_runner_of_another_job_is_not_hindered(real_kit: Kit, other: Path) -> None:
    assert call(real_kit, other).code == 0


def test_more_stages_at_once_than_allowed_are_refused_or_wait(
    real_kit: Kit, job: Path, other: Path, busy: "subprocess.Popen[str]"
) -> None:
    real_kit.settings("limits: {stages_at_once: 1}\n")

    refused = call(real_kit, other)
    there = (other / "50_probe").exists()
    with started(real_kit, "50_probe", other, "--dev", "--wait", "20s") as second:
        text = read_until(second, "waiting")
        (job / "input/go").touch()
        text += second.communicate(timeout=30)[0]

    assert refused.code == 11, refused.text
    assert "limits.stages_at_once" in refused.text
    assert "--wait" in refused.text
    assert not there
    assert second.returncode == 0, text
    assert busy.wait(timeout=20) == 0


def test_two_runners_that_start_together_do_not_both_run_the_stage(
    real_kit: Kit, job: Path
) -> None:
    real_kit.code("50_probe", program("time.sleep(1)"))

    outcomes: list[Ended] = []
    with (
        started(real_kit, "50_probe", job, "--dev", "--force") as first,
        started(real_kit, "50_probe", job, "--dev", "--force") as second,
    ):
        for process in (first, second):
            text, _ = process.communicate(timeout=60)
            outcomes.append(ended(job, "50_probe", process.returncode, text))

    assert sorted(outcome.code for outcome in outcomes) == [0, 11], outcomes
    assert len(steps(job)) == 2
