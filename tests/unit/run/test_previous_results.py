"""The result before a failure: kept, never mistaken for another, and brought back."""

import json
from collections.abc import Callable

import pytest

from runner.errors import (
    DiskFullError,
    EngineError,
    EngineUnavailableError,
    GpuUnavailableError,
    StagerunError,
    UsageError,
    Verdict,
)
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.job.journal import open_runs
from runner.run.results import restore
from tests.unit.run.changed_results import (
    changed_manifest,
    changed_output,
    missing_folder,
    missing_output,
)
from tests.unit.run.conftest import (
    NEXT,
    PROBE,
    Place,
    a_good_run_and,
    copy,
    copy_of,
    entry_of,
    fail,
)


def test_a_failed_run_stays_in_place_and_the_result_before_it_is_kept(
    place: Place, job: Job
) -> None:
    first = place.run(job)
    place.programs[PROBE] = fail
    second = place.run(job, force=True)
    assert (second.verdict, second.exit_code) == (Verdict.STAGE_FAILED, 1)
    assert (job.stage_folder(PROBE) / "manifest.json").exists()
    assert not (job.stage_folder(PROBE) / "copy.txt").exists()
    assert (job.previous_folder(PROBE) / "copy.txt").read_text() == "hello\n"
    entry = entry_of(job)
    assert (entry["verdict"], entry["run_id"]) == ("stage_failed", second.run_id)
    assert (entry["good_is"], entry["good_run_id"]) == ("previous", first.run_id)
    assert f"stagerun restore {PROBE} {job.root}" in place.said()
    assert "it did not work" in place.said()


def written_by_hand(place: Place, job: Job) -> None:
    """As a stage leaves it that was run without the runner, over a good result."""
    del place
    folder = job.stage_folder(PROBE)
    (folder / "copy.txt").write_text("by hand")
    document = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**document, "run_id": None}))


@pytest.mark.parametrize(
    "change", [changed_output, missing_output, changed_manifest, written_by_hand, missing_folder]
)
def test_what_is_no_longer_the_result_of_its_run_is_never_offered_as_the_previous_one(
    place: Place, job: Job, change: Callable[[Place, Job], None]
) -> None:
    place.run(job)
    change(place, job)
    place.programs[PROBE] = fail
    assert place.run(job).verdict is Verdict.STAGE_FAILED
    entry = entry_of(job)
    nothing = (entry["good_is"], entry["good_run_id"], entry["fingerprint"], entry["outputs"])
    assert nothing == (None, None, None, [])
    assert "restore" not in place.said()
    assert not job.previous_folder(PROBE).exists()
    with pytest.raises(UsageError, match="no previous result"):
        restore(job, PROBE)


def test_a_changed_result_lies_where_it_lay_when_the_container_never_starts(
    place: Place, job: Job
) -> None:
    place.run(job)
    changed_output(place, job)
    entry = entry_of(job)
    place.engine.start_error = EngineError("no")
    place.run(job)
    assert (copy_of(job), entry_of(job)) == ("tampered", entry)
    assert place.run(job, NEXT).verdict is Verdict.INPUT_MISSING


@pytest.mark.parametrize("name", ["copy.txt", "manifest.json"])
def test_a_kept_result_that_was_changed_is_not_brought_back(
    place: Place, job: Job, name: str
) -> None:
    a_good_run_and(place, job, fail)
    (job.previous_folder(PROBE) / name).write_text("tampered")
    entry = entry_of(job)
    with pytest.raises(UsageError, match="cannot be brought back") as refusal:
        restore(job, PROBE)
    assert str(job.previous_folder(PROBE)) in str(refusal.value)
    assert entry_of(job) == entry
    assert (job.stage_folder(PROBE) / "manifest.json").exists()


def test_a_first_run_that_fails_has_no_result_to_offer(place: Place, job: Job) -> None:
    place.programs[PROBE] = fail
    place.run(job)
    assert (entry_of(job)["good_is"], entry_of(job)["good_run_id"]) == (None, None)
    assert "restore" not in place.said()


def test_many_failures_in_a_row_lose_nothing_and_pile_nothing_up(place: Place, job: Job) -> None:
    first = a_good_run_and(place, job, fail)
    for _ in range(3):
        assert place.run(job).verdict is Verdict.STAGE_FAILED
    assert first.verdict is Verdict.STAGE_FAILED
    assert [path.name for path in (job.private / "previous").iterdir()] == [PROBE]
    del place.programs[PROBE]
    assert place.run(job).verdict is Verdict.SUCCESS
    assert not list((job.private / "previous").iterdir())


def test_consumers_of_a_failed_stage_are_blocked_and_told_how_to_go_on(
    place: Place, job: Job
) -> None:
    place.run(job)
    place.run(job, NEXT)
    place.programs[PROBE] = fail
    place.run(job, force=True)
    outcome = place.run(job, NEXT)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.INPUT_MISSING, 4)
    said = place.said(NEXT)
    assert f"the last run of {PROBE} ended stage failed" in said
    assert f"stagerun restore {PROBE} {job.root}" in said
    assert copy_of(job, NEXT) == "hello\n"


def test_a_previous_result_can_be_brought_back(place: Place, job: Job) -> None:
    first = place.run(job)
    place.programs[PROBE] = fail
    place.run(job, force=True)
    assert restore(job, PROBE) == first.run_id
    assert copy_of(job) == "hello\n"
    assert (entry_of(job)["verdict"], entry_of(job)["good_is"]) == ("success", "in place")
    assert place.run(job).verdict is Verdict.CACHED
    assert place.run(job, NEXT).verdict is Verdict.SUCCESS


def test_bringing_back_what_is_not_there_is_refused(place: Place, job: Job) -> None:
    with pytest.raises(UsageError, match="no previous result"):
        restore(job, PROBE)
    place.run(job)
    with pytest.raises(UsageError, match="no previous result"):
        restore(job, PROBE)


START_ERRORS = [
    (GpuUnavailableError("no GPU"), 6),
    (DiskFullError("full"), 9),
    (EngineError("the engine refused"), 5),
    (EngineUnavailableError("gone"), 5),
]


@pytest.mark.parametrize(("error", "code"), START_ERRORS, ids=lambda item: type(item).__name__)
@pytest.mark.parametrize("before", ["nothing", "good", "failed"])
def test_a_run_that_never_started_puts_the_old_folder_back(
    place: Place, job: Job, error: StagerunError, code: int, before: str
) -> None:
    if before != "nothing":
        place.programs[PROBE] = copy if before == "good" else fail
        place.run(job)
    entry = read_entries(job)
    files = sorted(str(path) for path in job.stage_folder(PROBE).rglob("*"))
    place.engine.start_error = error
    outcome = place.run(job, force=True)
    assert (outcome.verdict, outcome.exit_code) == (error.verdict, code)
    assert sorted(str(path) for path in job.stage_folder(PROBE).rglob("*")) == files
    assert job.stage_folder(PROBE).exists() == (before != "nothing")
    assert read_entries(job) == entry
    assert open_runs(job, PROBE) == []
    assert all(container.removed for container in place.engine.created)
    place.engine.start_error = None
    assert place.run(job).good == (before != "failed")
