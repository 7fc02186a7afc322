"""What a killed runner leaves beside its runs is found, and what a living one needs is not."""

import os
from pathlib import Path

import pytest

from runner.errors import Verdict
from runner.job.folder import Job
from runner.job.journal import journal_of
from runner.job.lock import stage_lock
from runner.run.leftovers import find_leftovers, remove_leftovers
from tests.unit.run.conftest import PROBE, Place


def temporary_files(job: Job, run_id: str) -> list[Path]:
    """As ``Job.write`` leaves them when it is killed in the middle."""
    return [
        job.root / ".manifest.json.ab12_xyz",
        job.private / ".digests.json.ab12_xyz",
        job.run_folder(run_id) / ".record.json.ab12_xyz",
        job.run_folder(run_id) / ".request.json.ab12_xyz",
    ]


@pytest.fixture
def left(place: Place, job: Job) -> list[Path]:
    """Temporary files, and runs that died before the first line of their journal."""
    run_id = str(place.run(job).run_id)
    files = temporary_files(job, run_id)
    for path in files:
        path.write_text("{")
    folders = [job.run_folder("20260101-0101-0000"), job.run_folder("20260101-0101-0001")]
    half_removed = job.run_folder(".20260101-0101-0002.removed.x1y2")
    for folder in (*folders, half_removed):
        folder.mkdir()
    journal_of(job, folders[1].name).path.touch()
    (half_removed / "0").mkdir()
    return [*files, *folders, half_removed]


def test_what_a_killed_runner_left_half_written_goes(job: Job, left: list[Path]) -> None:
    assert {item.path for item in find_leftovers(job).leftovers} == set(left)
    assert {item.path for item in remove_leftovers(job).leftovers} == set(left)
    assert not [path for path in left if path.exists()]
    assert find_leftovers(job).leftovers == ()


def test_the_next_call_removes_what_a_killed_runner_left(
    place: Place, job: Job, left: list[Path]
) -> None:
    previous = job.previous_folder(PROBE)
    left += [
        job.root / f".{PROBE}.removed.ab12_xyz",
        previous,
        previous.with_name(f"{PROBE}.failed"),
        previous.with_name(f".{PROBE}.removed.ab12_xyz"),
    ]
    for folder in left[-4:]:
        folder.mkdir(parents=True)
    assert place.run(job).verdict is Verdict.CACHED
    assert not [path for path in left if path.exists()]


def test_the_next_call_leaves_alone_what_may_be_another_stages(
    place: Place, job: Job, left: list[Path]
) -> None:
    with stage_lock(job, "52_last"):
        assert place.run(job).verdict is Verdict.CACHED
    assert all(path.exists() for path in left)


def test_while_any_stage_runs_nothing_that_may_be_its_own_goes(job: Job, left: list[Path]) -> None:
    with stage_lock(job, "52_last"):
        assert find_leftovers(job).leftovers == ()
        assert remove_leftovers(job).leftovers == ()
    assert all(path.exists() for path in left)


def test_files_that_only_look_alike_stay(place: Place, job: Job) -> None:
    place.run(job)
    mine = [job.root / ".manifest.json.swp", job.root / ".notes.txt.ab12_xyz"]
    for path in mine:
        path.write_text("mine")
    assert remove_leftovers(job).leftovers == ()
    assert all(path.exists() for path in mine)


def test_a_run_whose_journal_was_torn_in_its_first_line_goes(place: Place, job: Job) -> None:
    place.run(job)
    torn = journal_of(job, "20260101-0101-0000")
    torn.path.parent.mkdir()
    torn.path.write_text('{"step": "inte')
    remove_leftovers(job)
    assert not torn.path.parent.exists()
    assert job.stage_folder(PROBE).is_dir()


def test_what_is_nested_deeper_than_a_path_can_be_long_is_removed_as_well(
    place: Place, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place.run(job).good
    left = job.root / f".{PROBE}.removed.x1y2"
    left.mkdir()
    monkeypatch.chdir(left)
    for _ in range(2500):
        os.mkdir("d")  # noqa: PTH102  (a path would be too long)
        os.chdir("d")
    os.chdir(job.root)
    assert [item.path for item in remove_leftovers(job).leftovers] == [left]
    assert not left.exists()
