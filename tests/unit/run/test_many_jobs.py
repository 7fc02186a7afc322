"""Many jobs in one call: the oldest first, and nobody held up by what concerns another one."""

import contextlib
import os
import shutil
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.errors import Verdict
from runner.events import (
    Event,
    JobFinished,
    JobStarted,
    RunStarted,
    StageFinished,
    StageWaiting,
    WaitsFor,
)
from runner.host.engine_fake import FakeProcess
from runner.host.machine import ProcessIdentity, memory_available_bytes
from runner.job.folder import Job
from runner.job.lock import stage_lock
from runner.job.stop_request import ask_to_stop
from runner.run.plan import plan_job
from runner.run.request import RunOptions
from runner.run.scheduler import MOST_ALIKE, MOST_BEHIND, MOST_WAITING, Schedule
from runner.run.standing import JobOutcome
from tests.unit.run.conftest import LAST, NEXT, PROBE, Place, copy, copy_of, fail, stage_of
from tests.unit.run.plans import run_plans, wait_for

FOREVER = float("inf")


def run(place: Place, *jobs: Job, at_once: int = 2, wait: float = FOREVER) -> dict[str, JobOutcome]:
    project = place.project
    ended = run_plans(
        [plan_job(project, job) for job in jobs],
        project,
        place.host,
        options=RunOptions(wait_seconds=wait),
        at_once=at_once,
        emit=place.emit,
    )
    return {outcome.job.name: outcome for outcome in ended}


def made(place: Place, name: str, day: int, more: str = "") -> Job:
    """A job that was made on a day long ago."""
    job = place.job(name, more=more)
    for path in (job.file, job.input):
        os.utime(path, (day * 86400, day * 86400))
    return job


def waits_of(place: Place) -> list[StageWaiting]:
    """What was told of stages that wait."""
    return [event for event in tuple(place.events) if isinstance(event, StageWaiting)]


def ran(place: Place) -> list[str]:
    """Jobs and stages in the order in which their containers were started."""
    return [
        f"{Path(item.spec.mounts[0].source).name} {item.spec.environment['STAGERUN_STAGE']}"
        for item in place.engine.created
    ]


def test_the_job_that_was_made_first_is_finished_before_the_next_one_begins(place: Place) -> None:
    jobs = [made(place, "a", 3), made(place, "b", 1), made(place, "d", 2), made(place, "c", 2)]
    run(place, *jobs, at_once=1)
    order = [f"{name} {stage}" for name in "bcda" for stage in (PROBE, NEXT, LAST)]
    assert ran(place) == order


def test_a_fault_of_the_program_itself_ends_one_job_and_holds_up_no_other(place: Place) -> None:
    def emit(event: Event) -> None:
        place.emit(event)
        if isinstance(event, RunStarted) and event.stage == NEXT and not broken:
            broken.append(event.run_id)
            msg = "of our own"
            raise KeyError(msg)

    broken: list[str] = []
    project = place.project
    plans = [plan_job(project, made(place, name, day)) for day, name in enumerate("abc")]
    ended = run_plans(plans, project, place.host, options=RunOptions(), at_once=1, emit=emit)
    assert [(it.job.name, it.verdict, it.exit_code) for it in ended] == [
        ("a", Verdict.RUNNER_LOST, 10),
        ("b", Verdict.SUCCESS, 0),
        ("c", Verdict.SUCCESS, 0),
    ]
    end = next(it for it in place.events if isinstance(it, StageFinished) and not it.good)
    assert end.summary.startswith("stagerun itself failed: KeyError: 'of our own'")
    assert any("raise KeyError(msg)" in line for line in end.details)


def test_a_job_is_as_old_as_its_first_run_though_its_file_was_written_since(place: Place) -> None:
    old = place.job("z")
    place.run(old, PROBE)
    new = place.job("a")
    late = time.time() + 60
    for path in (old.file, old.input):
        os.utime(path, (late, late))
    place.engine.created.clear()
    run(place, Job(old.root), new, at_once=1)
    assert ran(place)[0] == f"z {NEXT}"


def test_a_job_whose_settings_were_edited_is_as_old_as_before(place: Place) -> None:
    edited, newer = made(place, "z", 1), made(place, "a", 2)
    edited.file.write_text(edited.file.read_text() + "config: {}\n")
    run(place, newer, Job(edited.root), at_once=1)
    assert ran(place)[0] == f"z {PROBE}"


def test_a_stage_that_another_runner_has_takes_no_place_from_one_that_can_run(place: Place) -> None:
    held, free = made(place, "held", 1), made(place, "free", 2)
    ended: dict[str, JobOutcome] = {}
    with stage_lock(held, PROBE):
        thread = threading.Thread(target=lambda: ended.update(run(place, held, free, at_once=1)))
        thread.start()
        wait_for((free.stage_folder(LAST) / "copy.txt").exists)
        assert not (held.stage_folder(PROBE) / "copy.txt").exists()
    thread.join(20)
    assert {name: outcome.exit_code for name, outcome in ended.items()} == {"held": 0, "free": 0}
    waits = [event for event in place.events if isinstance(event, StageWaiting)]
    assert [(event.stage, event.waits_for) for event in waits] == [(PROBE, WaitsFor.RUNNER)]


def test_a_call_does_not_stand_still_behind_another_one_that_has_many_jobs(place: Place) -> None:
    held = [made(place, f"held{number:02}", number) for number in range(MOST_WAITING + 5)]
    free = [made(place, f"free{number}", 90 + number) for number in range(3)]
    ended: dict[str, JobOutcome] = {}
    locks = contextlib.ExitStack()
    for job in held:
        locks.enter_context(stage_lock(job, PROBE))
    thread = threading.Thread(target=lambda: ended.update(run(place, *held, *free, at_once=2)))
    thread.start()
    for job in free:
        wait_for((job.stage_folder(LAST) / "copy.txt").exists)
    assert MOST_BEHIND <= len(waits_of(place)) <= MOST_BEHIND + 2
    locks.close()
    thread.join(60)
    assert Counter(outcome.exit_code for outcome in ended.values()) == {0: len(held) + len(free)}


def test_what_another_call_has_ended_is_gone_on_with_though_nobody_tells(place: Place) -> None:
    held = [made(place, f"held{number:02}", number) for number in range(MOST_BEHIND + 4)]
    ended: dict[str, JobOutcome] = {}
    with contextlib.ExitStack() as locks:
        for job in held[:-1]:
            locks.enter_context(stage_lock(job, PROBE))
        with stage_lock(held[-1], PROBE):
            thread = threading.Thread(target=lambda: ended.update(run(place, *held, at_once=2)))
            thread.start()
            wait_for(lambda: len(waits_of(place)) >= MOST_BEHIND)
        wait_for((held[-1].stage_folder(LAST) / "copy.txt").exists)
    thread.join(60)
    assert Counter(outcome.exit_code for outcome in ended.values()) == {0: len(held)}


def test_a_stage_between_two_attempts_takes_no_place_from_one_that_can_run(place: Place) -> None:
    rule = "{on: stage_failed, attempts: 2, wait: 1}"
    place.kit.settings(
        f"workflows: {{copy: [{LAST}/copy]}}\nstages: {{{PROBE}: {{retry: {rule}}}}}\n"
    )
    sick, well = made(place, "sick", 1), made(place, "well", 2)

    def fail_for_one(process: FakeProcess) -> int:
        return fail(process) if "/sick" in process.spec.mounts[0].source else copy(process)

    place.programs[PROBE] = fail_for_one
    outcomes = run(place, sick, well, at_once=1)
    assert (outcomes["sick"].exit_code, outcomes["well"].exit_code) == (1, 0)
    assert ran(place) == [
        f"sick {PROBE}", f"well {PROBE}", f"well {NEXT}", f"well {LAST}", f"sick {PROBE}",
    ]  # fmt: skip


def test_failing_jobs_hold_up_no_other_one(place: Place) -> None:
    jobs = [made(place, f"job{number}", number) for number in range(6)]

    def fail_for_some(process: FakeProcess) -> int:
        odd = int(process.spec.mounts[0].source[-1]) % 2
        return fail(process) if odd and stage_of(process) == NEXT else copy(process)

    place.programs[NEXT] = fail_for_some
    outcomes = run(place, *jobs)
    assert [outcomes[f"job{number}"].exit_code for number in range(6)] == [0, 1, 0, 1, 0, 1]


def test_a_job_that_is_removed_while_it_waits_fails_alone(place: Place) -> None:
    jobs = [made(place, name, day) for day, name in enumerate(("first", "gone", "last"), 1)]

    def remove_the_second(process: FakeProcess) -> int:
        if "/first" in process.spec.mounts[0].source:
            shutil.rmtree(jobs[1].root)
        return copy(process)

    place.programs[PROBE] = remove_the_second
    outcomes = run(place, *jobs, at_once=1)
    codes = {name: outcome.exit_code for name, outcome in outcomes.items()}
    assert codes == {"first": 0, "gone": 2, "last": 0}
    assert not jobs[1].root.exists()
    blamed = outcomes["gone"].blamed
    assert blamed is not None
    assert str(jobs[1].root) in blamed.reason


def test_a_job_manifest_that_is_spoilt_at_the_last_moment_stops_no_other_job(place: Place) -> None:
    spoilt, well = made(place, "spoilt", 1), made(place, "well", 2)
    emit = place.emit

    def spoil(event: Event) -> None:
        emit(event)
        if isinstance(event, RunStarted) and event.stage == LAST and spoilt.manifest_file.exists():
            spoilt.manifest_file.write_text("{")

    project = place.project
    ended = run_plans(
        [plan_job(project, job) for job in (spoilt, well)],
        project,
        place.host,
        options=RunOptions(),
        at_once=1,
        emit=spoil,
    )
    assert {outcome.job.name: outcome.exit_code for outcome in ended}["well"] == 0


def test_an_observer_may_rest_whenever_its_job_only_waits(place: Place, job: Job) -> None:
    rests: list[int] = []
    plan = plan_job(place.project, job)

    def count() -> None:
        rests.append(sum(isinstance(event, RunStarted) for event in place.events))

    run_plans(
        [replace(plan, rest=count)],
        place.project,
        place.host,
        options=RunOptions(),
        at_once=2,
        emit=place.emit,
    )
    assert rests == [0, 1, 2, 3]


def test_jobs_that_never_began_are_stopped_without_a_headline(place: Place) -> None:
    def stop(process: FakeProcess) -> int:
        place.cancellation.request("SIGTERM")
        process.sleep_until_signal(10)
        return 143

    place.programs[PROBE] = stop
    jobs = [made(place, f"job{number}", number) for number in range(5)]
    outcomes = run(place, *jobs, at_once=1)
    assert {outcome.verdict for outcome in outcomes.values()} == {Verdict.CANCELLED}
    begun = [event.job for event in place.events if isinstance(event, JobStarted)]
    assert begun == [str(jobs[0].root)]
    assert sum(isinstance(event, JobFinished) for event in place.events) == 5


def test_a_job_that_is_added_while_others_run_is_run_too(place: Place) -> None:
    ended: list[JobOutcome] = []
    project = place.project
    schedule = Schedule(project, place.host, RunOptions(), 1, place.emit, ended.append)
    late = place.job("late")

    def add_one(process: FakeProcess) -> int:
        if "/early" in process.spec.mounts[0].source:
            schedule.add(plan_job(project, late))
            schedule.close()
        return copy(process)

    place.programs[LAST] = add_one
    schedule.add(plan_job(project, place.job("early")))
    schedule.run()
    assert [outcome.job.name for outcome in ended] == ["early", "late"]
    assert copy_of(late, LAST) == "hello\n"


@pytest.mark.parametrize("is_before", [True, False])
def test_only_what_was_asked_to_stop_after_a_job_was_added_is_stopped(
    place: Place, job: Job, is_before: bool
) -> None:
    host, plan = place.host, plan_job(place.project, job)
    ask_to_stop(job, [])
    shift = timedelta(seconds=1 if is_before else -1)
    ended = run_plans(
        [replace(plan, asked_at=datetime.now(UTC) + shift)],
        place.project,
        host,
        options=RunOptions(),
        at_once=1,
        emit=place.emit,
    )
    assert ended[0].verdict is (Verdict.SUCCESS if is_before else Verdict.CANCELLED)


def test_few_of_the_stages_that_wait_for_the_same_memory_have_a_thread(place: Place) -> None:
    """One of them runs, some wait for it, and a stage of another kind comes past them."""
    available = memory_available_bytes()
    assert available is not None
    # What was promised to a process that is gone counts for nothing.
    place.identity = ProcessIdentity.current()
    light = made(place, "light", 90)
    place.run(light, PROBE)
    much = f"stages: {{{PROBE}: {{memory: {available * 7 // 10}}}}}\n"
    place.events.clear()
    go_on = threading.Event()

    def hold(process: FakeProcess) -> int:
        go_on.wait(30)
        return copy(process)

    place.programs[PROBE] = hold
    heavy = [made(place, f"heavy{number}", number, much) for number in range(MOST_ALIKE + 3)]
    ended: dict[str, JobOutcome] = {}
    thread = threading.Thread(target=lambda: ended.update(run(place, *heavy, light, at_once=3)))
    thread.start()
    wait_for((light.stage_folder(LAST) / "copy.txt").exists)
    waits = [event for event in place.events if isinstance(event, StageWaiting)]
    assert {event.waits_for for event in waits} == {WaitsFor.RESOURCE}
    assert len(waits) <= MOST_ALIKE + 1
    go_on.set()
    thread.join(60)
    assert {outcome.exit_code for outcome in ended.values()} == {0}


def test_who_waits_for_memory_is_not_said_to_wait_for_a_place(place: Place) -> None:
    place.kit.settings(f"workflows: {{first: [{PROBE}/copy]}}\nlimits: {{stages_at_once: 2}}\n")
    available = memory_available_bytes()
    assert available is not None
    place.identity = ProcessIdentity.current()
    much = f"stages: {{{PROBE}: {{memory: {available * 7 // 10}}}}}\n"
    go_on = threading.Event()

    def hold(process: FakeProcess) -> int:
        if "/light" in process.spec.mounts[0].source:
            time.sleep(0.7)  # so long both places are taken, and the other heavy one looks again
            go_on.set()
        go_on.wait(30)
        return copy(process)

    place.programs[PROBE] = hold
    heavy = [made(place, f"heavy{number}", number, much) for number in (1, 2)]
    outcomes = run(place, *heavy, made(place, "light", 3), at_once=2)
    assert {outcome.exit_code for outcome in outcomes.values()} == {0}
    waits = [event.waits_for for event in place.events if isinstance(event, StageWaiting)]
    assert waits == [WaitsFor.RESOURCE]


def test_what_pauses_between_attempts_holds_up_the_same_stage_of_no_other_job(
    place: Place,
) -> None:
    rule = "{on: stage_failed, attempts: 2, wait: 3s}"
    place.kit.settings(
        f"workflows: {{first: [{PROBE}/copy]}}\nstages: {{{PROBE}: {{retry: {rule}}}}}\n"
    )
    order: list[str] = []

    def work(process: FakeProcess) -> int:
        name = process.path("/job").name
        order.append(name)
        return fail(process) if name.startswith("bad") else copy(process)

    place.programs[PROBE] = work
    bad = [made(place, f"bad{number}", number) for number in range(MOST_ALIKE + 1)]
    good = made(place, "good", 99)
    ended = run(place, *bad, good, at_once=1)
    assert ended["good"].exit_code == 0
    assert order[: len(bad) + 1] == [job.name for job in (*bad, good)]
