"""Which stage next: side by side where it can be, and no further than what went wrong."""

import threading
from typing import Any

import pytest

from runner.errors import NotAdmittedError, Verdict
from runner.events import JobFinished, StageFinished
from runner.host.engine_fake import FakeProcess
from runner.job.folder import Job
from runner.run.plan import plan_job
from runner.run.request import RunOptions
from runner.run.standing import JobOutcome
from tests.unit.run.conftest import (
    LAST,
    NEXT,
    PROBE,
    SIDE,
    Place,
    copy,
    copy_of,
    fail,
    with_a_side_branch,
    write_manifest,
)
from tests.unit.run.plans import run_plans


def run(place: Place, *jobs: Job, at_once: int = 4, **plan: Any) -> list[JobOutcome]:
    project = place.project
    return run_plans(
        [plan_job(project, job, **plan) for job in jobs],
        project,
        place.host,
        options=RunOptions(),
        at_once=at_once,
        emit=place.emit,
    )


def verdicts(outcome: JobOutcome) -> dict[str, str]:
    return {item.stage: str(item.verdict) for item in outcome.outcomes}


def test_a_workflow_runs_what_it_needs_in_order(place: Place, job: Job) -> None:
    (outcome,) = run(place, job)
    assert verdicts(outcome) == {PROBE: "success", NEXT: "success", LAST: "success"}
    assert (outcome.exit_code, outcome.verdict) == (0, Verdict.SUCCESS)
    assert outcome.result == (str(job.stage_folder(LAST) / "copy.txt"),)
    assert copy_of(job, LAST) == "hello\n"
    end = place.events[-1]
    assert isinstance(end, JobFinished)
    assert end.result == outcome.result


def test_a_second_call_has_nothing_to_do(place: Place, job: Job) -> None:
    run(place, job)
    (outcome,) = run(place, job)
    assert verdicts(outcome) == {PROBE: "cached", NEXT: "cached", LAST: "cached"}
    assert len(place.engine.created) == 3


def test_independent_stages_run_side_by_side(place: Place, job: Job) -> None:
    with_a_side_branch(place)
    both = threading.Barrier(2, timeout=10)

    def meet(process: FakeProcess) -> int:
        both.wait()
        return copy(process)

    place.programs |= {NEXT: meet, SIDE: meet}
    (outcome,) = run(place, job)
    assert set(verdicts(outcome).values()) == {"success"}


def test_no_more_stages_run_at_once_than_asked_for(place: Place, job: Job) -> None:
    with_a_side_branch(place)
    running, most, guard = 0, 0, threading.Lock()

    def count(process: FakeProcess) -> int:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        process.sleep_until_signal(0.02)
        with guard:
            running -= 1
        return copy(process)

    place.programs |= dict.fromkeys((PROBE, NEXT, LAST, SIDE), count)
    run(place, job, place.job("other"), at_once=1)
    assert most == 1


def test_a_failure_holds_up_what_reads_from_it_and_nothing_else(place: Place, job: Job) -> None:
    with_a_side_branch(place)
    place.programs[NEXT] = fail
    (outcome,) = run(place, job)
    assert verdicts(outcome) == {
        PROBE: "success",
        NEXT: "stage_failed",
        LAST: "input_missing",
        SIDE: "success",
    }
    assert (outcome.exit_code, outcome.verdict) == (1, Verdict.STAGE_FAILED)
    assert f"it reads from {NEXT}, which did not end well" in place.said(LAST)
    end = place.events[-1]
    assert isinstance(end, JobFinished)
    assert (end.exit_code, end.result) == (1, ())


def test_everything_behind_a_failure_is_accounted_for_once(place: Place, job: Job) -> None:
    place.programs[PROBE] = fail
    (outcome,) = run(place, job)
    assert verdicts(outcome) == {
        PROBE: "stage_failed",
        NEXT: "input_missing",
        LAST: "input_missing",
    }
    ends = [event.stage for event in place.events if isinstance(event, StageFinished)]
    assert ends == [PROBE, NEXT, LAST]


@pytest.mark.parametrize(("signal", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_cancelling_stops_what_runs_and_what_waits(
    place: Place, job: Job, signal: str, code: int
) -> None:
    def run_until_asked(process: FakeProcess) -> int:
        place.cancellation.request(signal)
        process.sleep_until_signal(10)
        return 143

    place.programs[PROBE] = run_until_asked
    other = place.job("other")
    outcomes = run(place, job, other, at_once=1)
    for outcome in outcomes:
        assert set(verdicts(outcome).values()) == {"cancelled"}
        assert {item.exit_code for item in outcome.outcomes} == {code}
    assert len(place.engine.created) == 1


def test_cancelling_between_two_stages_has_the_signals_exit_code(place: Place, job: Job) -> None:
    def ask_and_end(process: FakeProcess) -> int:
        code = copy(process)
        place.programs[PROBE] = copy
        return code

    def emit_end() -> None:
        place.cancellation.request("SIGTERM")

    place.programs[PROBE] = ask_and_end
    emit = place.emit

    def stop_at_the_first_end(event: Any) -> None:
        emit(event)
        if isinstance(event, StageFinished) and event.stage == PROBE:
            emit_end()

    project = place.project
    (outcome,) = run_plans(
        [plan_job(project, job)],
        project,
        place.host,
        options=RunOptions(),
        at_once=1,
        emit=stop_at_the_first_end,
    )
    assert verdicts(outcome) == {PROBE: "success", NEXT: "cancelled", LAST: "cancelled"}
    assert outcome.exit_code == 143


def test_several_jobs_are_run_together_and_fail_apart(place: Place) -> None:
    jobs = [place.job(f"job{number}", f"{number}\n") for number in range(4)]
    (jobs[2].input / "text.txt").unlink()
    outcomes = {outcome.job.name: outcome for outcome in run(place, *jobs)}
    assert {name: outcome.exit_code for name, outcome in outcomes.items()} == {
        "job0": 0,
        "job1": 0,
        "job2": 4,
        "job3": 0,
    }
    assert [copy_of(jobs[number], LAST) for number in (0, 1, 3)] == ["0\n", "1\n", "3\n"]
    finished = [event.job for event in place.events if isinstance(event, JobFinished)]
    assert sorted(finished) == sorted(str(job.root) for job in jobs)


def test_a_stage_that_is_switched_off_holds_up_what_cannot_do_without_it(place: Place) -> None:
    job = place.job(more=f"stages: {{{NEXT}: {{enabled: false}}}}\n")
    (outcome,) = run(place, job)
    assert verdicts(outcome) == {PROBE: "success", NEXT: "skipped", LAST: "input_missing"}


def test_what_the_caller_wrote_wrong_is_no_failure_of_the_stage(place: Place, job: Job) -> None:
    job.file.write_text("input: {text: text.txt}\nconfig: {NONE: x}\n")
    (outcome,) = run(place, Job(job.root))
    assert (outcome.verdict, outcome.exit_code) == (None, 2)
    stage = next(event for event in place.events if isinstance(event, StageFinished))
    assert (stage.verdict, stage.exit_code) == (None, 2)
    end = place.events[-1]
    assert isinstance(end, JobFinished)
    assert (end.verdict, end.exit_code) == (None, 2)


def test_every_end_of_a_stage_tells_the_exit_code_that_the_call_gets(
    place: Place, job: Job
) -> None:
    place.cancellation.request("SIGTERM")
    (outcome,) = run(place, job)
    ends = [event for event in place.events if isinstance(event, StageFinished)]
    codes = {event.stage: event.exit_code for event in ends}
    assert codes == {item.stage: item.exit_code for item in outcome.outcomes}
    assert set(codes.values()) == {143}


def test_a_broken_disk_is_an_outcome_and_not_a_crash(place: Place, job: Job) -> None:
    job.stage_folder(PROBE).parent.joinpath(".stagerun", "locks").rename(job.root / "moved")
    (outcome,) = run(place, job)
    assert outcome.exit_code == 2
    assert "cannot be used" in place.said()


def test_a_project_without_stages_is_done_at_once(place: Place, job: Job) -> None:
    place.kit.settings("name: empty\n")
    for stage in (PROBE, NEXT, LAST):
        (place.kit.root / "stages" / stage / "stage.yaml").unlink()
    (outcome,) = run(place, job)
    assert (outcome.outcomes, outcome.exit_code) == ((), 0)


EITHER = """\
    summary: Copies its input
    parent: base
    inputs:
      text: input/text
      more: {from: 50_probe/copy, optional: true}
    outputs: {copy: {file: copy.txt, type: text}}
"""


def skip(process: FakeProcess) -> int:
    """A stage that has nothing to do."""
    write_manifest(process, "skipped", outputs=[], reason="there is no token")
    return 0


def test_a_stage_goes_on_without_an_optional_input_that_was_skipped(place: Place, job: Job) -> None:
    place.kit.spec(NEXT, EITHER)
    place.build()
    place.programs[PROBE] = skip
    (outcome,) = run(place, job)
    assert verdicts(outcome) == {PROBE: "skipped", NEXT: "success", LAST: "success"}
    assert outcome.exit_code == 0


def test_an_optional_input_that_failed_holds_a_stage_up_and_says_how_to_go_on(
    place: Place, job: Job
) -> None:
    place.kit.spec(NEXT, EITHER)
    place.build()
    place.programs[PROBE] = fail
    (outcome,) = run(place, job)
    assert verdicts(outcome) == {
        PROBE: "stage_failed",
        NEXT: "input_missing",
        LAST: "input_missing",
    }
    way = (
        f"To go on without it, switch it off: stages: {{{PROBE}: {{enabled: false}}}} in {job.file}"
    )
    assert way in place.said(NEXT)
    assert "switch it off" not in place.said(LAST)
    place.run(job, NEXT)
    assert way in place.said(NEXT)
    job.file.write_text(f"input: {{text: text.txt}}\nstages: {{{PROBE}: {{enabled: false}}}}\n")
    (outcome,) = run(place, Job(job.root))
    assert verdicts(outcome) == {PROBE: "skipped", NEXT: "success", LAST: "success"}


def test_nobody_is_told_to_do_without_a_stage_that_could_not_even_start(
    place: Place, job: Job
) -> None:
    place.kit.spec(NEXT, EITHER)
    place.build()
    place.engine.start_error = NotAdmittedError("2 stages run at once here already")
    (outcome,) = run(place, job)
    assert verdicts(outcome)[NEXT] == "input_missing"
    assert "switch it off" not in place.said(NEXT)


def test_a_workflow_ends_well_where_its_result_was_skipped(place: Place, job: Job) -> None:
    place.programs[PROBE] = skip
    (outcome,) = run(place, job, upto=PROBE)
    assert (outcome.exit_code, outcome.result) == (0, ())
