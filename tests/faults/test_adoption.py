"""Runs whose runner was killed while their container ran: the next call goes on with them."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from runner.host.container import Container
from runner.host.engine import LABEL, DockerEngine
from runner.job.folder import Job
from runner.job.journal import journal_of, open_runs
from tests.faults.calls import Ended, call, ended, program, started, wait_until
from tests.project_kit import Kit

pytestmark = pytest.mark.engine

WAITING: Final = program(
    """
    logger = io.get_stage_logger()
    logger.info("before")
    print("raw before", flush=True)
    io.progress(1, 2, "things")
    while not Path("/job/input/go").exists():
        time.sleep(0.02)
    logger.info("after")
    print("raw after", flush=True)
    """
)


def containers(job: Path) -> list[Container]:
    return DockerEngine().containers({f"{LABEL}job": str(job)})


def logs(job: Path) -> dict[str, list[str]]:
    """The messages of every pipeline log, oldest first."""
    return {
        path.name: [line.split("] ")[-1] for line in path.read_text().splitlines()]
        for path in sorted((job / "logs").glob("99_pipeline_*.log"))
    }


def open_runs_of(job: Path) -> list[str]:
    return [run_id for run_id, _ in open_runs(Job(job), "50_probe")]


def steps_of(job: Path, run_id: str) -> list[str]:
    return [step["step"] for step in journal_of(Job(job), run_id).read()]


@contextmanager
def killed(kit: Kit, job: Path, code: str = WAITING, *options: str) -> Iterator[str]:
    """The id of a run whose runner was killed in the middle."""
    kit.code("50_probe", code)
    with started(kit, "50_probe", job, "--dev", "--force", *options) as process:
        wait_until(lambda: any("before" in text for text in logs(job).values()), "its first line")
        process.kill()
        process.wait(timeout=20)
    [run_id] = open_runs_of(job)
    try:
        yield run_id
    finally:
        (job / "input/go").touch()


def adopted(kit: Kit, job: Path) -> Ended:
    (job / "input/go").touch()
    return call(kit, job)


def test_a_container_that_still_runs_is_seen_to_its_end(real_kit: Kit, job: Path) -> None:
    with killed(real_kit, job) as run_id:
        outcome = adopted(real_kit, job)
    assert (outcome.code, outcome.verdict) == (0, "success"), outcome.text
    assert outcome.record is not None
    assert outcome.record["run_id"] == run_id
    assert "goes on with its container" in " ".join(outcome.text.split())
    assert steps_of(job, run_id)[-3:] == ["adopted", "ended", "closed"]
    assert containers(job) == []


def test_an_adopters_log_holds_every_line_once_and_in_the_first_log(
    real_kit: Kit, job: Path
) -> None:
    with killed(real_kit, job) as run_id:
        first = max(logs(job))
        adopted(real_kit, job)
    told = logs(job)[first]
    assert [told.count(line) for line in ("before", "after")] == [1, 1]
    assert any(line.startswith(f"run {run_id}: success") for line in told)
    assert (job / f".stagerun/runs/{run_id}/output.log").read_text().splitlines() == [
        "raw before",
        "raw after",
    ]


def test_a_container_that_ended_unwatched_is_judged_by_what_it_left(
    real_kit: Kit, job: Path
) -> None:
    with killed(real_kit, job) as run_id:
        (job / "input/go").touch()
        [container] = containers(job)
        container.wait()
        outcome = adopted(real_kit, job)
    assert (outcome.code, outcome.verdict) == (0, "success"), outcome.text
    assert outcome.record is not None
    assert outcome.record["run_id"] == run_id
    assert outcome.record["usage"]["memory_peak_bytes"] > 0


def test_a_container_killed_while_nobody_watched_tells_nothing_of_its_stage(
    real_kit: Kit, job: Path
) -> None:
    with killed(real_kit, job) as run_id:
        [container] = containers(job)
        container.signal("SIGKILL")
        container.wait()
        outcome = adopted(real_kit, job)
    assert (outcome.code, outcome.verdict) == (0, "success"), outcome.text
    assert outcome.record is not None
    assert outcome.record["run_id"] != run_id
    lost = json.loads((job / f".stagerun/runs/{run_id}/record.json").read_text())
    assert lost["verdict"] == "runner_lost"
    assert "without a report" in lost["reason"]


def test_of_two_callers_one_adopts_and_the_other_is_refused(real_kit: Kit, job: Path) -> None:
    with (
        killed(real_kit, job) as run_id,
        started(real_kit, "50_probe", job, "--dev") as adopter,
    ):
        wait_until(lambda: "adopted" in steps_of(job, run_id), "the adoption")
        refused = call(real_kit, job)
        (job / "input/go").touch()
        text, _ = adopter.communicate(timeout=30)
        first = ended(job, "50_probe", adopter.returncode, text)
    assert refused.code == 11, refused.text
    assert first.record is not None
    assert (first.code, first.record["run_id"]) == (0, run_id), first.text


def test_an_adopter_may_die_too(real_kit: Kit, job: Path) -> None:
    with killed(real_kit, job) as run_id:
        with started(real_kit, "50_probe", job, "--dev") as adopter:
            wait_until(lambda: "adopted" in steps_of(job, run_id), "the adoption")
            adopter.kill()
            adopter.wait(timeout=20)
        outcome = adopted(real_kit, job)
    assert outcome.record is not None
    assert (outcome.code, outcome.record["run_id"]) == (0, run_id), outcome.text
    first = sorted(logs(job))[1]
    assert [logs(job)[first].count(line) for line in ("before", "after")] == [1, 1]


def test_an_adopted_run_can_be_cancelled(real_kit: Kit, job: Path) -> None:
    with killed(real_kit, job) as run_id, started(real_kit, "50_probe", job, "--dev") as adopter:
        wait_until(lambda: "adopted" in steps_of(job, run_id), "the adoption")
        adopter.send_signal(signal.SIGINT)
        text, _ = adopter.communicate(timeout=30)
    assert adopter.returncode == 130, text
    assert containers(job) == []
    assert steps_of(job, run_id)[-1] == "closed"


def test_the_time_limit_counts_from_the_start_of_the_container(real_kit: Kit, job: Path) -> None:
    with killed(real_kit, job, WAITING, "--timeout", "4s"):
        outcome = call(real_kit, job, "--timeout", "4s")
    assert outcome.verdict == "timeout", outcome.text
    assert outcome.record is not None
    assert 4 <= outcome.record["duration_seconds"] < 8


def test_a_run_with_other_settings_than_asked_for_is_finished_and_the_stage_runs_again(
    real_kit: Kit, job: Path
) -> None:
    with killed(real_kit, job) as run_id:
        real_kit.code("50_probe", program())
        outcome = adopted(real_kit, job)
    assert outcome.record is not None
    assert (outcome.code, outcome.record["run_id"] != run_id) == (0, True), outcome.text
    record = json.loads((job / f".stagerun/runs/{run_id}/record.json").read_text())
    assert record["verdict"] == "success"
