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
    only: tuple[str, ...] = ()
    now: float = 0.0
    written: set[Path] = field(default_factory=set)
    asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        def writers(paths: Collection[Path]) -> set[Path]:
            self.asked.append(len(paths))
            return self.written & set(paths)

        self.watched = WatchedFolder(self.folder, 10.0, writers, lambda: self.now, self.only)

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


def test_who_writes_is_looked_for_once_however_many_films_there_are(watched: Watched) -> None:
    for number in range(30):
        (watched.folder / f"{number}.mkv").write_text("one")
    watched.at(0)
    watched.asked.clear()
    watched.at(10)
    assert watched.asked == [30]


def test_a_look_is_broken_off_when_the_call_is_stopped(watched: Watched) -> None:
    (watched.folder / "film.mkv").write_text("one")
    watched.at(0)
    watched.now = 10
    watched.asked.clear()
    assert watched.watched.look(lambda: True) == []
    assert watched.asked == []
    assert watched.at(11) == ["film.mkv"]


def test_a_film_that_changed_or_is_written_to_since_the_look_is_noticed(watched: Watched) -> None:
    film = watched.folder / "film.mkv"
    film.write_text("one")
    watched.at(0)
    watched.now = 10
    (arrival,) = watched.watched.look()
    assert watched.watched.is_as_it_was(arrival)
    watched.written = {film}
    assert not watched.watched.is_as_it_was(arrival)
    watched.written = set()
    film.write_text("one and more")
    assert not watched.watched.is_as_it_was(arrival)


def test_a_film_that_was_postponed_and_changes_need_not_wait(watched: Watched) -> None:
    film = watched.folder / "film.mkv"
    film.write_text("one")
    watched.at(0)
    watched.now = 10
    (arrival,) = watched.watched.look()
    watched.watched.postpone(arrival, 900)
    film.write_text("another")
    assert watched.at(11) == []
    assert watched.at(21) == ["film.mkv"]


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


def test_the_file_of_a_job_is_read_again_only_when_it_has_changed(watched: Watched) -> None:
    job = watched.folder / "job"
    (job / "input").mkdir(parents=True)
    (job / "input" / "a.mkv").write_text("one")
    (job / "job.yaml").write_text("input: {media: a.mkv}\n")
    watched.at(0)
    assert watched.at(10) == ["job"]
    before = (job / "job.yaml").stat()
    (job / "input" / "a.mkv").rename(job / "input" / "b.mkv")
    (job / "job.yaml").write_text("input: {media: b.mkv}\n")
    os.utime(job / "job.yaml", ns=(before.st_atime_ns, before.st_mtime_ns))
    watched.at(20)
    assert watched.at(30) == []
    os.utime(job / "job.yaml", (5, 5))
    watched.at(40)
    assert watched.at(50) == ["job"]


def test_a_job_with_an_input_that_no_file_can_be_called_stops_nobody(watched: Watched) -> None:
    (watched.folder / "job").mkdir()
    (watched.folder / "job" / "job.yaml").write_text('references: {media: "/a\\0b"}\n')
    (watched.folder / "film.mkv").write_text("one")
    watched.at(0)
    assert "film.mkv" in watched.at(10)


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
