"""What a run must wait for or is refused: another runner, a place, memory, disk."""

import threading
from pathlib import Path

import pytest

from runner.errors import Verdict
from runner.events import StageFinished, StageWaiting
from runner.host.engine_fake import FakeProcess
from runner.job.folder import Job
from runner.job.lock import stage_lock
from runner.project.config import parse_limits
from runner.run.outcome import Outcome
from runner.run.runtime_folder import runtime_folder
from tests.unit.run.conftest import PROBE, Place, copy
from tests.unit.run.plans import no_place, wait_for


def test_a_stage_that_another_runner_has_is_refused(place: Place, job: Job) -> None:
    with stage_lock(job, PROBE):
        outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.BUSY, 11)


def test_waiting_for_another_runner_is_told_and_can_be_cancelled(place: Place, job: Job) -> None:
    threading.Timer(0.1, place.cancellation.request, ["SIGINT"]).start()
    with stage_lock(job, PROBE):
        outcome = place.run(job, wait_seconds=60)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.CANCELLED, 130)
    assert [event.stage for event in place.events if isinstance(event, StageWaiting)] == [PROBE]


def test_more_stages_at_once_than_the_site_allows_are_refused_with_the_number(
    place: Place, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    place.kit.settings("limits: {stages_at_once: 1}\n")
    with no_place():
        outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.NOT_ADMITTED, 11)
    ends = [event for event in place.events if isinstance(event, StageFinished)]
    assert "1 stages run at once here already" in ends[0].summary
    assert runtime_folder("slots").is_relative_to(tmp_path)
    assert place.run(job).verdict is Verdict.SUCCESS


def test_a_place_that_another_stage_of_the_same_call_has_is_waited_for_in_any_case(
    place: Place, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    place.kit.settings("limits: {stages_at_once: 1}\n")
    other, outcomes = place.job("other"), list[Outcome]()

    def wait_until_the_other_waits(process: FakeProcess) -> int:
        place.programs[PROBE] = copy
        beside = threading.Thread(target=lambda: outcomes.append(place.run(other)))
        beside.start()
        wait_for(lambda: any(isinstance(event, StageWaiting) for event in tuple(place.events)))
        threads.append(beside)
        return copy(process)

    threads: list[threading.Thread] = []
    place.programs[PROBE] = wait_until_the_other_waits
    assert place.run(job).verdict is Verdict.SUCCESS
    threads[0].join(20)
    assert [item.verdict for item in outcomes] == [Verdict.SUCCESS]


def test_waiting_for_a_place_can_be_cancelled(
    place: Place, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    place.kit.settings("limits: {stages_at_once: 1}\n")
    other = place.job("other")
    outcomes: list[Outcome] = []

    def run_the_other(process: FakeProcess) -> int:
        place.programs[PROBE] = copy
        threading.Timer(0.1, place.cancellation.request, ["SIGINT"]).start()
        outcomes.append(place.run(other, wait_seconds=60))
        return copy(process)

    place.programs[PROBE] = run_the_other
    place.run(job)
    assert [item.verdict for item in outcomes] == [Verdict.CANCELLED]


def test_more_memory_than_the_machine_has_is_refused_with_both_numbers(
    place: Place, job: Job
) -> None:
    outcome = place.run(job, limits=parse_limits({"memory": "900TiB"}))
    assert (outcome.verdict, outcome.exit_code) == (Verdict.NOT_ADMITTED, 11)
    assert "this machine has" in place.said()


def test_a_disk_with_too_little_space_is_refused_with_both_numbers(place: Place, job: Job) -> None:
    place.kit.settings("limits: {disk_free: 900TiB}\n")
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.DISK_FULL, 9)
    assert "limits.disk_free" in place.said()
