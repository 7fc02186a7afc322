"""How the jobs of a call have ended, as its summary and programs hear of it."""

from pathlib import Path

from runner.errors import EXIT_CODES, Verdict
from runner.events import FailedJob, JobRefused
from runner.job.folder import Job
from runner.run.outcome import Outcome
from runner.run.reckoning import Reckoning
from runner.run.standing import JobOutcome

STAGE = "06_asr"
LOG = Path("/w/out/film/logs/99_pipeline_20261129T101112Z_77.log")


def failed(verdict: Verdict, run_id: str | None = None) -> FailedJob:
    """What is reckoned of a job whose one stage ended so."""
    outcome = Outcome(stage=STAGE, verdict=verdict, exit_code=1, reason="why", run_id=run_id)
    reckoning = Reckoning()
    job = Job(Path("/w/out/film"))
    reckoning.ended(JobOutcome(job=job, outcomes=(outcome,), result=(), log=LOG))
    (item,) = reckoning.event(1).failed
    return item


def test_a_failure_names_the_run_to_look_into() -> None:
    item = failed(Verdict.OOM_MEMORY, "20261121-0921-c01d")
    assert (item.run_id, item.log) == ("20261121-0921-c01d", None)


def test_a_refusal_without_a_run_names_none() -> None:
    item = failed(Verdict.BUSY)
    assert (item.run_id, item.log, item.reason) == (None, None, "why")


def test_a_fault_of_the_program_itself_names_the_log_that_has_its_place() -> None:
    item = failed(Verdict.RUNNER_LOST)
    assert (item.run_id, item.log) == (None, str(LOG))


def test_a_run_that_lost_its_runner_is_no_fault_of_the_program() -> None:
    assert failed(Verdict.RUNNER_LOST, "20261121-0921-c01d").log is None


def end(name: str, verdict: Verdict) -> JobOutcome:
    code = EXIT_CODES[verdict]
    outcome = Outcome(stage=STAGE, verdict=verdict, exit_code=code, reason="so it is")
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


def test_what_was_refused_and_then_put_off_has_no_end_that_could_be_asked_for() -> None:
    reckoning = Reckoning()
    reckoning.refused(JobRefused(job="/in/river", reason="no job.yaml", exit_code=2))
    reckoning.taken("/in/river")
    assert reckoning.exit_code(["/in/river"]) == 0


def test_what_was_refused_and_became_a_job_is_not_counted_twice() -> None:
    reckoning = Reckoning()
    reckoning.refused(JobRefused(job="films/river.mkv", reason="no", exit_code=2))
    reckoning.refused(JobRefused(job="films/lake.mkv", reason="no", exit_code=2))
    reckoning.taken("films/river.mkv")
    reckoning.ended(end("river", Verdict.SUCCESS))
    event = reckoning.event(0)
    assert (event.done, [failed.job for failed in event.failed]) == (1, ["films/lake.mkv"])
