"""Which files of a watched folder are taken, by their names."""

import shlex
from pathlib import Path

import pytest

from runner.run.films import FILMS
from tests.unit.docs_pages import codes, page
from tests.unit.run.test_watching import Watched


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    folder = tmp_path / "films"
    folder.mkdir()
    return Watched(folder)


@pytest.mark.parametrize(
    "name",
    [
        ".film.mkv", "film.mkv.part", "film.TMP", "film.crdownload", "film.mkv~",
        "film.mkv.filepart", "film.mkv.opdownload", "film.mkv.!qB", "film.mkv.aria2",
    ],
)  # fmt: skip
def test_names_of_what_is_not_finished_are_left_alone(watched: Watched, name: str) -> None:
    (watched.folder / name).write_text("half")
    watched.at(0)
    assert watched.at(100) == []


def test_a_film_with_a_file_beside_it_that_controls_its_download_is_left_alone(
    watched: Watched,
) -> None:
    control = watched.folder / "film.mkv.aria2"
    for path in (watched.folder / "film.mkv", watched.folder / "other.mkv", control):
        path.write_text("half")
    watched.at(0)
    assert watched.at(50) == ["other.mkv"]
    control.unlink()
    watched.at(60)
    assert watched.at(70) == ["film.mkv", "other.mkv"]


@pytest.mark.parametrize("name", ["film.nfo", "film.jpg", "film.srt", "film.mkv.md5", "README"])
def test_what_lies_beside_films_becomes_no_job(watched: Watched, name: str) -> None:
    for there in (name, "film.MKV", "song.flac"):
        (watched.folder / there).write_text("one")
    watched.at(0)
    assert watched.at(10) == ["film.MKV", "song.flac"]


def test_other_names_are_taken_in_place_of_films(watched: Watched) -> None:
    other = Watched(watched.folder, only=("*.TXT", "take-[0-9].*"))
    for name in ("Notes.txt", "TAKE-1.wav", "take-x.wav", "film.mkv"):
        (watched.folder / name).write_text("one")
    other.at(0)
    assert other.at(10) == ["Notes.txt", "TAKE-1.wav"]


def test_a_job_is_taken_whatever_names_are_asked_for(watched: Watched) -> None:
    (watched.folder / "job.d" / "input").mkdir(parents=True)
    (watched.folder / "job.d" / "job.yaml").write_text("{}\n")
    other = Watched(watched.folder, only=("*.mkv",))
    for folder in (watched, other):
        folder.at(0)
        assert folder.at(10) == ["job.d"]


def test_what_is_left_alone_for_its_ending_is_told_once_when_it_is_there_in_full(
    watched: Watched,
) -> None:
    for name in ("a.nfo", "b.NFO", "README"):
        (watched.folder / name).write_text("one")
    watched.at(0)
    assert watched.watched.news() == []
    watched.at(10)
    plain, nfo = watched.watched.news()
    assert nfo.startswith(f"a.nfo is left alone in {watched.folder}")
    assert "what else ends in .nfo: it is neither film nor sound" in nfo
    assert "--only '*.nfo'" in nfo
    assert "--only README" in plain
    (watched.folder / "c.nfo").write_text("one")
    (watched.folder / "a.nfo").write_text("another")
    for now in (11, 21, 31):
        watched.at(now)
        assert watched.watched.news() == []


def test_an_ending_that_is_a_pattern_itself_is_told_so_that_it_can_be_copied(
    watched: Watched,
) -> None:
    (watched.folder / "a.[x]'").write_text("one")
    watched.at(0)
    watched.at(10)
    (text,) = watched.watched.news()
    (pattern,) = shlex.split(
        text.partition("--only ")[2].removesuffix(" takes it in place of films.")
    )
    other = Watched(watched.folder, only=(pattern,))
    other.at(0)
    assert other.at(10) == ["a.[x]'"]


def test_a_film_that_the_patterns_do_not_fit_is_told_with_what_takes_it_too(
    watched: Watched,
) -> None:
    (watched.folder / "lake.mkv").write_text("one")
    other = Watched(watched.folder, only=("river*.mkv",))
    other.at(0)
    assert other.at(10) == []
    (text,) = other.watched.news()
    assert text.endswith("ends in .mkv and fits no --only: --only '*.mkv' takes it, too.")


def test_the_page_names_every_ending_that_is_taken() -> None:
    section = page("docs/many-jobs.md").split("## A watched folder")[1]
    assert {ending.removeprefix(".") for ending in FILMS} <= set(codes(section))
