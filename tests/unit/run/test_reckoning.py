"""However often a job is tried, it counts once, by its last end."""

from pathlib import Path

from runner.errors import EXIT_CODES, Verdict
from runner.events import JobRefused
from runner.job.folder import Job
from runner.run.outcome import Outcome
from runner.run.reckoning import Reckoning
from runner.run.standing import JobOutcome


def end(name: str, verdict: Verdict) -> JobOutcome:
    code = EXIT_CODES[verdict]
    outcome = Outcome(stage="50_probe", verdict=verdict, exit_code=code, reason="so it is")
    return JobOutcome(job=Job(Path("/out") / name), outcomes=(outcome,), result=())


def test_a_job_that_is_tried_again_counts_once() -> None:
    reckoning = Reckoning()
    for _ in range(8):
        reckoning.ended(end("river", Verdict.ENGINE_UNAVAILABLE))
    event = reckoning.event(5)
    assert [failed.job for failed in event.failed] == ["/out/river"]
    assert reckoning.exit_code(["/out/river"]) == 5


def test_a_job_that_ends_well_at_last_has_not_failed() -> None:
    reckoning = Reckoning()
    reckoning.ended(end("river", Verdict.ENGINE_UNAVAILABLE))
    reckoning.ended(end("river", Verdict.SUCCESS))
    reckoning.ended(end("lake", Verdict.CANCELLED))
    event = reckoning.event(0)
    assert (event.done, event.failed, event.cancelled) == (1, (), 1)
    assert reckoning.exit_code(["/out/river", "/out/lake"]) == 130


def test_what_was_refused_and_became_a_job_is_not_counted_twice() -> None:
    reckoning = Reckoning()
    reckoning.refused(JobRefused(job="films/river.mkv", reason="no", exit_code=2))
    reckoning.refused(JobRefused(job="films/lake.mkv", reason="no", exit_code=2))
    reckoning.taken("films/river.mkv")
    reckoning.ended(end("river", Verdict.SUCCESS))
    event = reckoning.event(0)
    assert (event.done, [failed.job for failed in event.failed]) == (1, ["films/lake.mkv"])
