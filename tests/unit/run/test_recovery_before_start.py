"""After a runner died before its container ran: the folder is as it was."""

import json

import pytest

from runner.errors import Verdict
from runner.events import Event, RunStarted
from runner.job.folder import Job
from runner.job.journal import Journal, open_runs
from runner.run.request import RunOptions
from runner.run.scheduler import execute
from runner.run.stage_folder import put_back, set_aside
from tests.unit.run.conftest import (
    PROBE,
    Place,
    copy_of,
    fail,
)
from tests.unit.run.dead_runners import begun, snapshot


def dies_before_the_container(place: Place, job: Job) -> Job:
    """A forced run whose runner dies when the stage's folder is set up."""
    crashed: list[Job] = []

    def emit(event: Event) -> None:
        if isinstance(event, RunStarted):
            crashed.append(snapshot(place, job))

    execute(PROBE, place.project, job, place.host, RunOptions(force=True), emit)
    return crashed[0]


def test_a_run_that_never_started_is_undone(place: Place, job: Job) -> None:
    first = place.run(job)
    crashed = dies_before_the_container(place, job)
    assert not (crashed.stage_folder(PROBE) / "copy.txt").exists()
    outcome = place.run(crashed)
    assert (outcome.verdict, outcome.run_id) == (Verdict.CACHED, first.run_id)
    assert copy_of(crashed) == "hello\n"
    assert open_runs(crashed, PROBE) == []
    assert not list((crashed.private / "previous").iterdir())


def test_a_failed_attempt_is_where_it_was_when_the_next_one_never_started(
    place: Place, job: Job
) -> None:
    place.programs[PROBE] = fail
    place.run(job)
    crashed = dies_before_the_container(place, job)
    place.engine.images.clear()
    place.run(crashed)
    assert json.loads((crashed.stage_folder(PROBE) / "manifest.json").read_text())["errors"]


def test_a_runner_that_died_before_it_touched_the_folder_costs_no_result(
    place: Place, job: Job
) -> None:
    place.run(job)
    begun(job)
    assert place.run(job).verdict is Verdict.CACHED
    assert copy_of(job) == "hello\n"
    assert open_runs(job, PROBE) == []


def test_a_result_made_after_a_torn_journal_is_not_undone_with_it(place: Place, job: Job) -> None:
    journal = begun(job)
    with journal.path.open("a") as file:
        file.write('{"step": "fold')
    assert place.run(job).verdict is Verdict.SUCCESS
    assert place.run(job).verdict is Verdict.CACHED
    assert copy_of(job) == "hello\n"


def interrupted(job: Job, journal: Journal, when: str) -> None:
    """Do what ``set_aside`` does, up to one of its steps."""
    aside = job.previous_folder(PROBE)
    folder = job.stage_folder(PROBE)
    if when == "after all":
        set_aside(job, PROBE, journal)
        return
    journal.write("folder", good_moved=True, inode=folder.stat().st_ino)
    if when == "before the move":
        return
    aside.parent.mkdir(exist_ok=True)
    folder.rename(aside)
    if when == "before the new folder":
        return
    folder.mkdir()
    if when == "before the cache":
        return
    (aside / ".cache").rename(folder / ".cache")


@pytest.mark.parametrize(
    "when",
    [
        "before the move",
        "before the new folder",
        "before the cache",
        "after the cache",
        "after all",
    ],
)
def test_setting_the_folder_up_can_be_undone_from_every_step(
    place: Place, job: Job, when: str
) -> None:
    place.run(job)
    (job.stage_folder(PROBE) / ".cache").mkdir()
    (job.stage_folder(PROBE) / ".cache" / "x").touch()
    journal = begun(job)
    interrupted(job, journal, when)
    for _ in range(2):
        put_back(job, PROBE, journal)
        assert copy_of(job) == "hello\n"
        assert (job.stage_folder(PROBE) / ".cache" / "x").exists()
        assert not job.previous_folder(PROBE).exists()
    assert place.run(job).verdict is Verdict.CACHED


def test_undoing_a_first_run_leaves_no_folder(job: Job) -> None:
    journal = begun(job)
    set_aside(job, PROBE, journal)
    assert job.stage_folder(PROBE).is_dir()
    put_back(job, PROBE, journal)
    assert not job.stage_folder(PROBE).exists()
    put_back(job, PROBE, journal)
