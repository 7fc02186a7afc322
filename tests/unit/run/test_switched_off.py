"""Stages that are switched off, and on again."""

from runner.errors import Verdict
from runner.host.engine_fake import FakeProcess
from runner.job.folder import Job
from runner.job.lock import stage_lock
from runner.run.results import restore
from tests.unit.run.conftest import (
    LAST,
    NEXT,
    PROBE,
    Place,
    copy_of,
    entry_of,
    fail,
    write_manifest,
)


def test_a_stage_that_is_switched_off_is_skipped_without_a_container(place: Place) -> None:
    job = place.job(more=f"stages:\n  {PROBE}: {{enabled: false}}\n")
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.SKIPPED, 0)
    assert place.engine.created == []
    assert entry_of(job)["verdict"] == "skipped"
    assert f"job.yaml line 3: stages.{PROBE}.enabled is false" in entry_of(job)["reason"]


def test_the_site_can_switch_a_stage_off_and_the_job_on_again(place: Place, job: Job) -> None:
    place.kit.settings(f"stages: {{{PROBE}: {{enabled: false}}}}\n")
    assert place.run(job).verdict is Verdict.SKIPPED
    assert "stagerun.yaml" in entry_of(job)["reason"]
    (job.root / "job.yaml").write_text(
        f"input: {{text: text.txt}}\nstages: {{{PROBE}: {{enabled: true}}}}\n"
    )
    assert place.run(job).verdict is Verdict.SUCCESS


def test_a_limit_in_the_job_does_not_switch_on_what_the_site_switched_off(
    place: Place, job: Job
) -> None:
    place.kit.settings(f"stages: {{{PROBE}: {{enabled: false}}}}\n")
    job.file.write_text(f"input: {{text: text.txt}}\nstages: {{{PROBE}: {{memory: 64MiB}}}}\n")
    assert place.run(job).verdict is Verdict.SKIPPED
    assert "(stagerun.yaml: " in entry_of(job)["reason"]


def switch_off(place: Place, job: Job) -> str:
    """Switch the probe off and run it so; returns the job file as it was."""
    text = job.file.read_text()
    job.file.write_text(text + f"stages: {{{PROBE}: {{enabled: false}}}}\n")
    assert place.run(job).verdict is Verdict.SKIPPED
    return text


def test_a_stage_that_was_switched_off_and_on_has_its_result_again_and_its_consumers_too(
    place: Place, job: Job
) -> None:
    first = place.run(job)
    before = entry_of(job)
    text = switch_off(place, job)
    assert place.run(job, NEXT).verdict is Verdict.INPUT_MISSING
    job.file.write_text(text)
    again = place.run(job)
    assert (again.verdict, again.run_id) == (Verdict.CACHED, first.run_id)
    assert len(place.engine.created) == 1
    kept = ("good_is", "good_run_id", "verdict", "run_id", "outputs", "manifest", "log", "record")
    assert {key: entry_of(job)[key] for key in kept} == {key: before[key] for key in kept}
    assert place.run(job, NEXT).verdict is Verdict.SUCCESS
    assert place.run(job, LAST).verdict is Verdict.SUCCESS


def test_a_failure_after_switching_off_and_on_does_not_cost_the_result_before_it(
    place: Place, job: Job
) -> None:
    first = place.run(job)
    job.file.write_text(switch_off(place, job))
    place.programs[PROBE] = fail
    assert place.run(job, force=True).verdict is Verdict.STAGE_FAILED
    entry = entry_of(job)
    assert (entry["good_is"], entry["good_run_id"]) == ("previous", first.run_id)
    assert restore(job, PROBE) == first.run_id
    assert copy_of(job) == "hello\n"


def test_a_stage_that_skipped_itself_says_so_again_after_it_was_switched_off_and_on(
    place: Place, job: Job
) -> None:
    def skip(process: FakeProcess) -> int:
        write_manifest(process, "skipped", outputs=[], reason="nothing to do")
        return 0

    place.programs[PROBE] = skip
    place.run(job)
    job.file.write_text(switch_off(place, job))
    assert place.run(job).verdict is Verdict.CACHED
    assert (entry_of(job)["verdict"], entry_of(job)["reason"]) == ("skipped", "nothing to do")


def test_switching_off_waits_for_nobody_and_writes_nothing_beside_another_runner(
    place: Place, job: Job
) -> None:
    place.run(job)
    job.file.write_text(job.file.read_text() + f"stages: {{{PROBE}: {{enabled: false}}}}\n")
    with stage_lock(job, PROBE):
        assert place.run(job).verdict is Verdict.BUSY
    assert entry_of(job)["verdict"] == "success"
