"""Who has a job of a watched folder, and how it ended, is read from the job."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import DiskFullError, JobFolderError, NotAdmittedError
from runner.host.machine import ProcessIdentity
from runner.job.folder import Job
from runner.run.watch_note import WatchNote, claim, note_ended, read_note
from runner.run.watched_jobs import has_failed, passes, renew_input
from tests.unit.run.conftest import PROBE, Place, fail


def note(stamp: str = "one", **changes: object) -> WatchNote:
    own = WatchNote(source="/films/film.mkv", stamp=stamp, runner=ProcessIdentity.current())
    return replace(own, **changes)  # type: ignore[arg-type]  # the fields of the note


def another(**changes: object) -> ProcessIdentity:
    """A process that lives: the one that started the tests' own."""
    own = ProcessIdentity.current()
    return replace(own, **changes)  # type: ignore[arg-type]  # the fields of the identity


def test_a_job_is_taken_once(job: Job) -> None:
    assert claim(job, note())
    assert read_note(job) == note()
    note_ended(job, note(), 1)
    assert not claim(job, note())


def test_a_job_whose_file_has_changed_may_be_taken_again(job: Job) -> None:
    note_ended(job, note(), 1)
    assert claim(job, note("two"))


def test_a_job_that_a_living_call_has_is_left_to_it(job: Job) -> None:
    elsewhere = another(machine_id="another machine")
    assert claim(job, note(runner=elsewhere))
    assert not claim(job, note())


def test_a_note_of_another_machine_is_told_apart() -> None:
    assert not note().is_elsewhere
    assert note(runner=another(machine_id="another machine")).is_elsewhere


def test_a_job_that_a_dead_call_had_is_gone_on_with(job: Job) -> None:
    assert claim(job, note(runner=another(started=1)))
    assert claim(job, note())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"source": 1}', '{"runner": {}}'])
def test_a_note_that_makes_no_sense_is_none(job: Job, text: str) -> None:
    (job.private / "watch.json").write_text(text)
    assert read_note(job) is None
    assert claim(job, note())


def test_an_end_that_cannot_be_noted_stops_nothing(job: Job) -> None:
    job.private.rename(job.root / "moved")
    note_ended(job, note(), 0)
    assert read_note(job) is None


def test_a_job_has_failed_when_a_stage_came_to_a_bad_end_of_its_own(place: Place, job: Job) -> None:
    assert not has_failed(job)
    place.run(job)
    assert not has_failed(job)
    place.programs[PROBE] = fail
    place.run(job, force=True)
    assert has_failed(job)


def test_what_a_newer_runner_calls_an_end_says_nothing_against_the_job(
    place: Place, job: Job
) -> None:
    place.run(job)
    manifest = json.loads(job.manifest_file.read_text())
    manifest["stages"][PROBE]["verdict"] = "better_than_ever"
    job.manifest_file.write_text(json.dumps(manifest))
    assert not has_failed(job)


@pytest.mark.parametrize(
    ("problem", "is_passing"),
    [
        (DiskFullError("full"), True),
        (OSError(28, "No space left on device"), True),
        (JobFolderError("no job"), False),
        (KeyError("of our own"), False),
    ],
)
def test_only_what_passes_by_itself_is_tried_again(problem: Exception, is_passing: bool) -> None:
    assert passes(problem) is is_passing


def test_a_film_that_changed_while_it_was_brought_replaces_none(
    place: Place, job: Job, tmp_path: Path
) -> None:
    film = tmp_path / "film.mkv"
    film.write_text("half")

    def check() -> None:
        msg = "it changed"
        raise NotAdmittedError(msg)

    with pytest.raises(NotAdmittedError):
        renew_input(job, "text", film, place.emit, check)
    assert [path.read_text() for path in job.input.iterdir()] == ["hello\n"]


def test_another_film_takes_the_place_of_the_one_before_it(
    place: Place, job: Job, tmp_path: Path
) -> None:
    film = tmp_path / "film.mkv"
    film.write_text("better")
    renew_input(job, "text", film, place.emit, lambda: None)
    assert (job.input / "text.txt").read_text() == "better"
    renew_input(job, "text", film, place.emit, lambda: None)
    assert [path.name for path in job.input.iterdir()] == ["text.txt"]


def test_a_film_is_not_put_where_the_job_does_not_expect_it(
    place: Place, job: Job, tmp_path: Path
) -> None:
    film = tmp_path / "film.mkv"
    film.write_text("better")
    with pytest.raises(JobFolderError, match="no longer has it"):
        renew_input(job, "media", film, place.emit, lambda: None)
