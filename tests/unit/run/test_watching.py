"""What arrives in a watched folder is taken when it is there in full, and then once."""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runner.errors import UsageError
from runner.run.watching import WatchedFolder, stamp_of


@dataclass
class Watched:
    """A folder with a clock set by hand, and files that somebody has open for writing."""

    folder: Path
    now: float = 0.0
    written: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        def writers(paths: Collection[Path]) -> set[Path]:
            return self.written & set(paths)

        self.watched = WatchedFolder(self.folder, 10.0, writers, lambda: self.now)

    def at(self, now: float) -> list[str]:
        """The names of what is ready at that time."""
        self.now = now
        return [arrival.path.name for arrival in self.watched.look()]

    def settle(self) -> None:
        """Take what is ready."""
        for arrival in self.watched.look():
            self.watched.settle(arrival)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    folder = tmp_path / "films"
    folder.mkdir()
    return Watched(folder)


def test_a_film_is_ready_when_it_has_stayed_the_same_for_long_enough(watched: Watched) -> None:
    (watched.folder / "film.mkv").write_text("one")
    assert watched.at(0) == []
    assert watched.at(9) == []
    assert watched.at(10) == ["film.mkv"]


def test_a_film_that_grows_is_not_ready(watched: Watched) -> None:
    film = watched.folder / "film.mkv"
    for now in range(0, 60, 5):
        film.write_text("x" * now)
        assert watched.at(now) == []
    assert watched.at(65) == ["film.mkv"]


def test_a_film_that_is_written_to_in_place_is_not_ready(watched: Watched) -> None:
    film = watched.folder / "film.mkv"
    for now in range(0, 60, 5):
        film.write_text("same size")
        os.utime(film, (now, now))
        assert watched.at(now) == []


def test_a_film_that_somebody_has_open_for_writing_is_not_ready(watched: Watched) -> None:
    film = watched.folder / "film.mkv"
    film.write_text("one")
    watched.written = {film}
    watched.at(0)
    assert watched.at(100) == []
    watched.written = set()
    assert watched.at(101) == ["film.mkv"]


@pytest.mark.parametrize(
    "name", [".film.mkv", "film.mkv.part", "film.TMP", "film.crdownload", "film.mkv~"]
)
def test_names_of_what_is_not_finished_are_left_alone(watched: Watched, name: str) -> None:
    (watched.folder / name).write_text("half")
    watched.at(0)
    assert watched.at(100) == []


def test_what_was_taken_is_not_ready_again_until_it_changes(watched: Watched) -> None:
    film = watched.folder / "film.mkv"
    film.write_text("one")
    watched.at(0)
    watched.at(10)
    watched.settle()
    assert watched.at(100) == []
    film.write_text("another")
    assert watched.at(101) == []
    assert watched.at(111) == ["film.mkv"]


def test_what_was_postponed_is_ready_again_after_that_time(watched: Watched) -> None:
    (watched.folder / "film.mkv").write_text("one")
    watched.at(0)
    watched.now = 10
    (arrival,) = watched.watched.look()
    watched.watched.settle(arrival)
    watched.watched.postpone(arrival, 60)
    assert watched.at(69) == []
    assert watched.at(70) == ["film.mkv"]


def test_a_job_is_ready_when_its_inputs_are_there_and_still(watched: Watched) -> None:
    job = watched.folder / "job"
    (job / "input").mkdir(parents=True)
    (job / "job.yaml").write_text("input: {media: film.mkv}\n")
    watched.at(0)
    assert watched.at(50) == []
    film = job / "input" / "film.mkv"
    film.write_text("one")
    watched.written = {film}
    watched.at(51)
    assert watched.at(100) == []
    watched.written = set()
    assert watched.at(101) == ["job"]


def test_folders_that_are_no_jobs_and_links_to_nothing_are_left_alone(watched: Watched) -> None:
    (watched.folder / "extras").mkdir()
    (watched.folder / "film.mkv").symlink_to("nowhere")
    os.mkfifo(watched.folder / "pipe.mkv")
    watched.at(0)
    assert watched.at(100) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_is_closed_to_the_caller_is_left_alone(watched: Watched) -> None:
    (watched.folder / "closed").mkdir(mode=0)
    (watched.folder / "film.mkv").write_text("one")
    watched.at(0)
    assert watched.at(10) == ["film.mkv"]


def test_a_folder_that_goes_away_is_named_and_may_come_back(watched: Watched) -> None:
    watched.folder.rmdir()
    with pytest.raises(UsageError, match="cannot be watched"):
        watched.at(0)
    watched.folder.mkdir()
    assert watched.at(1) == []


def test_a_stamp_outlives_a_restart_of_the_machine(tmp_path: Path) -> None:
    film, copy = tmp_path / "a" / "film.mkv", tmp_path / "b" / "film.mkv"
    for path in (film, copy):
        path.parent.mkdir()
        path.write_text("one")
        os.utime(path, (5, 5))
    assert stamp_of([film]) == stamp_of([copy])
    os.utime(copy, (6, 6))
    assert stamp_of([film]) != stamp_of([copy])
