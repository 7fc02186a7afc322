"""Stages that are tried again: what each attempt gets, what it leaves, and what is told of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from runner.errors import Verdict
from runner.events import AttemptFailed, Event, RunStarted, StageFinished, StageWaiting
from runner.host.engine_fake import FakeProcess
from runner.job.folder import Job
from runner.job.journal import CONTAINER, journal_of
from runner.job.stop_request import ask_to_stop
from runner.project.config import parse_limits
from runner.run.attempt import begin
from runner.run.cancellation import Cancellation
from runner.run.ended import unfinished
from runner.run.outcome import Outcome
from runner.run.prospect import Answer, prospect
from runner.run.request import RunOptions, resolve
from runner.run.retry import Attempt, Changed
from runner.run.scheduler import execute
from tests.unit.run.conftest import (
    PROBE,
    Place,
    Program,
    copy,
    copy_of,
    declare,
    entry_of,
    fail,
    record_of,
    request_of,
)

MORE_MEMORY = "retry: {on: oom_memory, wait: 0, set: {memory: ×2}}\n"  # noqa: RUF001 - people write it so
AS_IT_IS = "retry: {on: stage_failed, wait: 0}\n"
KEYS = "config: {BATCH: {type: int, default: 8, help: How many}}\n"
HALF = KEYS + "retry: {on: stage_failed, wait: 0, set: {BATCH: halve}}\n"
MIB = 1 << 20


def needs_memory(place: Place, mib: int) -> Program:
    """A stage that is killed below so much memory."""

    def stage(process: FakeProcess) -> int:
        place.engine.oom = process.spec.memory < mib * MIB
        if place.engine.oom:
            process.path(f"/job/{PROBE}/stage.log").write_text(f"had {process.spec.memory}\n")
            return 137
        return copy(process)

    return stage


def needs_batch(at_most: int) -> Program:
    """A stage that fails with more at once."""

    def stage(process: FakeProcess) -> int:
        batch = int(request_of(process)["config"]["BATCH"]["value"])
        return copy(process) if batch <= at_most else fail(process)

    return stage


def fails_times(times: int) -> Program:
    """A stage that succeeds after so many failures."""
    calls = iter(range(times))
    return lambda process: copy(process) if next(calls, None) is None else fail(process)


def records(job: Job) -> list[dict[str, Any]]:
    """Those of all runs, by the number of their attempt."""
    found = [record_of(job, folder.name) for folder in job.runs()]
    return sorted(found, key=lambda record: int(record["attempt"]["number"]))


def ends(place: Place) -> list[StageFinished]:
    return [event for event in place.events if isinstance(event, StageFinished)]


def failures(place: Place) -> list[AttemptFailed]:
    return [event for event in place.events if isinstance(event, AttemptFailed)]


def test_a_stage_out_of_memory_gets_more_and_succeeds(place: Place, job: Job) -> None:
    declare(place, MORE_MEMORY)
    place.programs[PROBE] = needs_memory(place, 400)
    outcome = place.run(job)
    assert outcome.verdict is Verdict.SUCCESS, place.said()
    assert [item.spec.memory // MIB for item in place.engine.created] == [128, 256, 512]
    first, second, third = records(job)
    assert [record["verdict"] for record in (first, second, third)] == [
        "oom_memory",
        "oom_memory",
        "success",
    ]
    assert first["attempt"] == {
        "number": 1,
        "of": 3,
        "because": None,
        "after": None,
        "moved_from": None,
        "changes": [],
    }
    assert third["attempt"] == {
        "number": 3,
        "of": 3,
        "because": "oom_memory",
        "after": second["run_id"],
        "moved_from": None,
        "changes": [{"name": "memory", "asked": "128 MiB", "used": "512 MiB"}],
    }


def test_every_attempt_keeps_its_log(place: Place, job: Job) -> None:
    declare(place, MORE_MEMORY)
    place.programs[PROBE] = needs_memory(place, 400)
    place.run(job)
    logs = [
        (job.run_folder(record["run_id"]) / "stage.log").read_text() for record in records(job)[:2]
    ]
    assert logs == [f"had {128 * MIB}\n", f"had {256 * MIB}\n"]


def test_a_link_in_the_place_of_a_log_is_not_kept(place: Place, job: Job) -> None:
    def stage(process: FakeProcess) -> int:
        if place.engine.created[1:]:
            return copy(process)
        process.path(f"/job/{PROBE}/stage.log").symlink_to("/etc/passwd")
        return fail(process)

    declare(place, AS_IT_IS)
    place.programs[PROBE] = stage
    assert place.run(job).verdict is Verdict.SUCCESS
    first, _ = records(job)
    assert not (job.run_folder(first["run_id"]) / "stage.log").is_symlink()


def test_the_user_hears_of_each_attempt_and_of_one_end(place: Place, job: Job) -> None:
    declare(place, MORE_MEMORY)
    place.programs[PROBE] = needs_memory(place, 200)
    place.run(job)
    (failed,) = failures(place)
    first, second = records(job)
    assert (failed.attempt, failed.attempts, failed.verdict) == (1, 3, Verdict.OOM_MEMORY)
    assert "memory limit of 128 MiB" in failed.summary
    assert failed.details[0] == "The next attempt has memory 256 MiB instead of 128 MiB."
    assert f"--run {first['run_id']}" in failed.details[1]
    (end,) = ends(place)
    assert end.run_id == second["run_id"]
    assert end.warnings == (
        "attempt 2 of 3, after oom_memory: ran with memory 256 MiB instead of 128 MiB",
    )
    starts = [event for event in place.events if isinstance(event, RunStarted)]
    assert [(event.attempt, event.attempts) for event in starts] == [(1, 3), (2, 3)]


def test_the_last_failure_says_how_often_it_was_tried(place: Place, job: Job) -> None:
    declare(place, MORE_MEMORY)
    place.programs[PROBE] = needs_memory(place, 10_000)
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.OOM_MEMORY, 7)
    assert len(place.engine.created) == 3
    assert "This was attempt 3 of 3, with memory 512 MiB instead of 128 MiB." in place.said()
    assert len(failures(place)) == 2
    assert len(ends(place)) == 1


def test_a_stage_without_rules_is_tried_once(place: Place, job: Job) -> None:
    place.programs[PROBE] = fail
    assert place.run(job).verdict is Verdict.STAGE_FAILED
    assert len(place.engine.created) == 1
    assert "This was attempt" not in place.said()


def test_a_caller_can_have_one_attempt_only(place: Place, job: Job) -> None:
    declare(place, AS_IT_IS)
    place.programs[PROBE] = fail
    assert place.run(job, retry=False).verdict is Verdict.STAGE_FAILED
    assert len(place.engine.created) == 1


def test_a_broken_contract_is_not_tried_again(place: Place, job: Job) -> None:
    declare(place, "retry: {on: [stage_failed, oom_memory, timeout], wait: 0}\n")
    place.programs[PROBE] = lambda _: 0
    assert place.run(job).verdict is Verdict.CONTRACT_VIOLATION
    assert len(place.engine.created) == 1


def test_a_cancelled_run_is_not_tried_again(place: Place, job: Job) -> None:
    def stage(process: FakeProcess) -> int:
        place.cancellation.request("SIGINT")
        process.sleep_until_signal(10)
        return fail(process)

    declare(place, AS_IT_IS)
    place.programs[PROBE] = stage
    assert place.run(job).verdict is Verdict.CANCELLED
    assert len(place.engine.created) == 1


def test_the_previous_result_waits_until_an_attempt_succeeds(place: Place, job: Job) -> None:
    declare(place, AS_IT_IS)
    good = place.run(job)
    place.programs[PROBE] = fail
    place.run(job, force=True)
    assert entry_of(job)["good_run_id"] == good.run_id
    assert entry_of(job)["good_is"] == "previous"
    place.programs[PROBE] = fails_times(1)
    place.run(job, force=True)
    assert entry_of(job)["good_is"] == "in place"
    assert not job.previous_folder(PROBE).exists()


def test_a_result_with_more_memory_is_the_one_that_was_asked_for(place: Place, job: Job) -> None:
    declare(place, MORE_MEMORY)
    place.programs[PROBE] = needs_memory(place, 200)
    place.run(job)
    assert place.run(job).verdict is Verdict.CACHED


def test_a_result_with_other_settings_is_the_one_that_was_asked_for(place: Place, job: Job) -> None:
    declare(place, HALF)
    place.programs[PROBE] = needs_batch(2)
    outcome = place.run(job)
    assert outcome.verdict is Verdict.SUCCESS, place.said()
    record = record_of(job, outcome.run_id)
    assert record["config"]["BATCH"] == {"value": "2", "source": "retry"}
    assert record["components"]["setting BATCH"] == "8"
    assert record["attempt"]["changes"] == [{"name": "BATCH", "asked": "8", "used": "2"}]
    assert "BATCH 2 instead of 8" in entry_of(job)["warnings"][0]
    assert place.run(job).verdict is Verdict.CACHED
    ahead = prospect(place.project.stages[PROBE], place.project, job, place.host, RunOptions())
    assert ahead.answer is Answer.UP_TO_DATE


def test_a_result_with_other_settings_is_no_answer_to_those_settings(
    place: Place, job: Job
) -> None:
    declare(place, HALF)
    place.programs[PROBE] = needs_batch(2)
    place.run(job)
    assert place.run(job, overrides={"BATCH": "2"}).verdict is Verdict.SUCCESS


def test_a_result_of_another_variant_is_the_one_that_was_asked_for(place: Place, job: Job) -> None:
    variants = (
        "parents:\n"
        "  fast: {image: base, when: {ENGINE: fast}}\n"
        "  slow: {image: base, when: {ENGINE: slow}}\n"
        "config: {ENGINE: {type: choice, of: [fast, slow], default: fast, help: Which}}\n"
        "retry: {on: stage_failed, wait: 0, set: {ENGINE: slow}}\n"
    )

    def stage(process: FakeProcess) -> int:
        return copy(process) if request_of(process)["variant"] == "slow" else fail(process)

    spec = (place.kit.root / "stages" / PROBE / "stage.yaml").read_text()
    place.kit.spec(PROBE, spec.replace("parent: base\n", "") + variants)
    place.build()
    place.programs[PROBE] = stage
    outcome = place.run(job)
    assert outcome.verdict is Verdict.SUCCESS, place.said()
    first, second = records(job)
    assert (first["variant"], second["variant"]) == ("fast", "slow")
    assert first["image"] != second["image"]
    assert first["fingerprint"] == second["fingerprint"]
    assert place.run(job).verdict is Verdict.CACHED


def test_an_input_that_changed_between_attempts_is_the_one_on_record(
    place: Place, job: Job
) -> None:
    def stage(process: FakeProcess) -> int:
        if place.engine.created[1:]:
            return copy(process)
        (job.input / "text.txt").write_text("another\n")
        return fail(process)

    declare(place, HALF)
    place.programs[PROBE] = stage
    place.run(job)
    assert copy_of(job) == "another\n"
    assert place.run(job).verdict is Verdict.CACHED
    (job.input / "text.txt").write_text("hello\n")
    assert place.run(job).verdict is Verdict.SUCCESS


def test_an_option_of_the_call_is_where_a_change_begins(place: Place, job: Job) -> None:
    declare(place, MORE_MEMORY)
    place.programs[PROBE] = needs_memory(place, 100)
    place.run(job, limits=parse_limits({"memory": "64MiB"}))
    assert [item.spec.memory // MIB for item in place.engine.created] == [64, 128]


def test_a_pause_is_told_with_its_reason(place: Place, job: Job) -> None:
    declare(place, "retry: {on: stage_failed, attempts: 2, wait: 10ms}\n")
    place.programs[PROBE] = fails_times(1)
    assert place.run(job).verdict is Verdict.SUCCESS
    waits = [event.reason for event in place.events if isinstance(event, StageWaiting)]
    assert waits == ["0.01 s before attempt 2 of 2: stage_failed"]


def run_and_hear(place: Place, job: Job, in_pause: Callable[[], None]) -> Outcome:
    """A run; something happens as soon as it waits between two attempts."""

    def emit(event: Event) -> None:
        place.emit(event)
        if isinstance(event, StageWaiting):
            in_pause()

    return execute(PROBE, place.project, Job(job.root), place.host, RunOptions(), emit)


@contextmanager
def in_the_pause(place: Place, job: Job) -> Iterator[list[Outcome]]:
    """While another thread is between two attempts; afterwards, what it came to."""
    declare(place, "retry: {on: stage_failed, wait: 1h}\n")
    place.programs[PROBE] = fail
    waits = threading.Event()
    came_to: list[Outcome] = []
    thread = threading.Thread(
        target=lambda: came_to.append(run_and_hear(place, job, waits.set)), daemon=True
    )
    thread.start()
    assert waits.wait(60)
    yield came_to
    thread.join(60)
    assert not thread.is_alive()


def test_a_signal_ends_the_pause(place: Place, job: Job) -> None:
    with in_the_pause(place, job) as came_to:
        place.cancellation.request("SIGTERM")
    assert [(item.verdict, item.exit_code) for item in came_to] == [(Verdict.CANCELLED, 143)]
    assert "cancelled by SIGTERM before attempt 2 of 3, after stage_failed" in place.said()
    assert entry_of(job)["verdict"] == "stage_failed"


def test_a_request_in_the_job_ends_the_pause(place: Place, job: Job) -> None:
    with in_the_pause(place, job) as came_to:
        ask_to_stop(job, [PROBE])
    assert [item.verdict for item in came_to] == [Verdict.CANCELLED]
    assert "cancelled by stagerun cancel before attempt 2 of 3" in place.said()


def test_nobody_else_takes_the_stage_in_the_pause(place: Place, job: Job) -> None:
    with in_the_pause(place, job):
        other = replace(place, cancellation=Cancellation(), events=[])
        assert other.run(job).verdict is Verdict.BUSY
        place.cancellation.request("SIGINT")


def test_an_engine_that_comes_back_is_waited_for(place: Place, job: Job) -> None:
    declare(place, "retry: {on: engine_unavailable, wait: 10ms}\n")
    place.engine.lost = True
    outcome = run_and_hear(place, job, lambda: setattr(place.engine, "lost", False))
    assert outcome.verdict is Verdict.SUCCESS, place.said()
    (failed,) = failures(place)
    assert (failed.verdict, failed.run_id) == (Verdict.ENGINE_UNAVAILABLE, None)
    assert record_of(job, outcome.run_id)["attempt"]["number"] == 2


def test_what_is_refused_at_last_is_refused_as_ever(place: Place, job: Job) -> None:
    declare(place, "retry: {on: engine_unavailable, attempts: 2, wait: 0}\n")
    place.engine.lost = True
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.ENGINE_UNAVAILABLE, 5)
    assert len(failures(place)) == 1
    assert len(ends(place)) == 1


def test_a_rule_that_does_not_fit_is_refused_before_anything_runs(place: Place) -> None:
    other = place.job(
        "other", more=f"stages: {{{PROBE}: {{retry: {{on: timeout, set: {{NO: x}}}}}}}}"
    )
    outcome = place.run(other)
    assert (outcome.verdict, outcome.exit_code) == (None, 2)
    assert "declares no such key" in place.said()
    assert place.engine.created == []


@contextmanager
def left_running(place: Place, job: Job, attempt: Attempt) -> Iterator[str]:
    """An attempt whose runner is gone while its container runs; its run id."""
    project, host = place.project, place.host
    request = resolve(project.stages[PROBE], project, job, host, RunOptions(attempt=attempt))
    with (
        begin(request, job, host) as run,
        place.engine.container(run.container_spec()) as container,
    ):
        run.journal.write(CONTAINER, container_id=container.id)
        container.start()
        yield run.id


@pytest.mark.parametrize(("number", "verdict"), [(2, Verdict.SUCCESS), (3, Verdict.STAGE_FAILED)])
def test_an_adopted_run_goes_on_with_its_count(
    place: Place, job: Job, number: int, verdict: Verdict
) -> None:
    calls = iter("first")

    def stage(process: FakeProcess) -> int:
        if next(calls) != "f":
            return copy(process)
        process.sleep_until_signal(0.2)
        return fail(process)

    declare(place, AS_IT_IS)
    place.programs[PROBE] = stage
    changes = (Changed(name="memory", asked="64 MiB", used="128 MiB"),)
    attempt = Attempt(number=number, of=3, because=Verdict.STAGE_FAILED, changes=changes)
    with left_running(place, job, attempt) as adopted:
        assert place.run(job).verdict is verdict, place.said()
    found = [(item["attempt"]["number"], item["verdict"]) for item in records(job)]
    assert found == [(number, "stage_failed"), (3, "success")][: 4 - number]
    assert record_of(job, adopted)["attempt"]["changes"][0]["used"] == "128 MiB"
    last = records(job)[-1]["attempt"]
    assert last["after"] == (adopted if verdict.good else None)


def test_a_lost_run_says_which_attempt_it_was(place: Place, job: Job) -> None:
    project, host = place.project, place.host
    attempt = Attempt(number=2, of=3, because=Verdict.TIMEOUT, after="before")
    request = resolve(project.stages[PROBE], project, job, host, RunOptions(attempt=attempt))
    with begin(request, job, host) as run:
        steps = journal_of(job, run.id).read()
    record = unfinished(job, run.id, steps, Verdict.RUNNER_LOST, "")
    assert (record.attempt.number, record.attempt.because) == (2, Verdict.TIMEOUT)
