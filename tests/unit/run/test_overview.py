"""Where the stages stand, as found without reading anything more often than needed."""

from pathlib import Path

from runner.errors import Verdict
from runner.job.folder import Job
from runner.job.journal import journal_of
from runner.run.overview import State, needed_stages, overview
from tests.unit.opens import opened
from tests.unit.run.conftest import LAST, NEXT, PROBE, Place


def test_every_journal_is_read_once_however_many_stages_there_are(place: Place, job: Job) -> None:
    for stage in (PROBE, NEXT, LAST):
        assert place.run(job, stage).verdict is Verdict.SUCCESS
    with opened() as paths:
        states = overview(place.project, job, needed_stages(place.project, job))
    assert [item.state for item in states] == [State.SUCCESS] * 3
    journals = sorted(path for path in paths if path.name == "journal.jsonl")
    assert journals == sorted(folder / "journal.jsonl" for folder in job.runs())


def test_a_journal_that_cannot_be_read_does_not_keep_the_rest_from_being_shown(
    place: Place, job: Job, tmp_path: Path
) -> None:
    place.run(job)
    broken = job.run_folder("20260101-0101-0000")
    broken.mkdir()
    journal_of(job, broken.name).path.symlink_to(tmp_path)
    assert overview(place.project, job, needed_stages(place.project, job))[0].state is State.SUCCESS
