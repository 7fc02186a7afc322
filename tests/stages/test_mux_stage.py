"""Stage 10 on real films, in its parent image."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.media.recipes import SECONDS
from tests.stages.containers import Stages
from tests.stages.muxed_films import covers, film_of, kinds, mux, stream_hashes, tracks

pytestmark = [pytest.mark.images, pytest.mark.engine]


@pytest.mark.parametrize(
    ("name", "result", "expected"),
    [
        ("film.mkv", "film.mkv", [("subrip", "spa", 1), ("subrip", "fre", 0)]),
        ("film.mp4", "film.mp4", [("mov_text", "spa", 1), ("mov_text", "fra", 0)]),
        ("avi.avi", "film.mkv", [("subrip", "spa", 1), ("subrip", "fre", 0)]),
        ("web.webm", "film.mkv", [("subrip", "spa", 1), ("subrip", "fre", 0)]),
    ],
)
def test_subtitles_get_in_with_the_languages_of_the_container(
    stages: Stages,
    films: Path,
    tmp_path: Path,
    name: str,
    result: str,
    expected: list[tuple[str, str, int]],
) -> None:
    film = film_of(mux(stages, tmp_path / "job", films / name))
    probe = stages.probe(film)
    assert film.name == result
    assert kinds(probe) == ["audio", "subtitle", "subtitle", "video"]
    assert tracks(probe) == expected
    assert float(probe["format"]["duration"]) == pytest.approx(SECONDS, abs=0.2)


@pytest.mark.parametrize("name", ["extras.mkv", "extras.mp4"])
@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_what_the_film_had_is_still_there(
    stages: Stages, films: Path, tmp_path: Path, name: str, container: str
) -> None:
    ended = mux(stages, tmp_path / "job", films / name, "es", MUX_CONTAINER=container)
    probe = stages.probe(film_of(ended))
    german, spanish = tracks(probe)
    assert (german[1], german[2]) in {("ger", 0), ("deu", 0)}
    assert (spanish[1], spanish[2]) == ("spa", 1)
    assert covers(probe) == 1
    assert probe["format"]["tags"]["title"] == "A title"
    titles = [chapter["tags"]["title"] for chapter in probe["chapters"]]
    assert titles == ["First half", "Second half"]
    assert ended.manifest["warnings"] == []


def test_a_film_without_sound_is_no_problem_here(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    film = film_of(mux(stages, tmp_path / "job", films / "silent_film.mp4", "es"))
    assert kinds(stages.probe(film)) == ["subtitle", "video"]


def test_a_film_of_a_second_is_enough(stages: Stages, films: Path, tmp_path: Path) -> None:
    cue = "1\n00:00:00,100 --> 00:00:00,933\nSí.\n"
    film = film_of(mux(stages, tmp_path / "job", films / "second.mkv", "es", cue))
    assert kinds(stages.probe(film)) == ["audio", "subtitle", "video"]
    assert float(stages.probe(film)["format"]["duration"]) == pytest.approx(1, abs=0.2)


def test_an_empty_subtitle_file_adds_no_track_and_a_warning(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    (tmp_path / "job" / "09_subtitle_gen").mkdir(parents=True)
    (tmp_path / "job" / "input").mkdir()
    film = tmp_path / "job" / "input" / "film.mkv"
    film.write_bytes((films / "film.mkv").read_bytes())
    (tmp_path / "job" / "09_subtitle_gen" / "film.es.srt").touch()
    ended = stages.run("10_mux", tmp_path / "job")
    assert kinds(stages.probe(film_of(ended))) == ["audio", "video"]
    assert "film.es.srt has no cue" in ended.warnings


def test_a_clip_has_its_cues_where_they_belong(stages: Stages, films: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    (job / "01_demux").mkdir(parents=True)
    probe = {"title": "film", "clip": {"start": 1.5, "end": 3.5}}
    (job / "01_demux" / "probe.json").write_text(json.dumps(probe))
    film = film_of(mux(stages, job, films / "film.mp4", "es"))
    # The picture is copied from the key frame at 1.0 s on, half a second before the clip: an MP4
    # hides that half second, so that its time 0 is the clip's start.
    found = stages.probe(film)
    assert float(found["format"]["duration"]) == pytest.approx(3.9, abs=0.2)
    command = ["ffprobe", "-v", "error", "-select_streams", "s", "-show_entries", "packet=pts_time"]
    times = stages.in_ffmpeg_image([*command, "-of", "csv=p=0", f"/films/{film.name}"], film.parent)
    assert "0.500000" in times.split()


def test_a_clip_in_mkv_says_how_much_it_begins_too_early_and_moves_its_cues(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    (job / "01_demux").mkdir(parents=True)
    probe = {"title": "film", "clip": {"start": 1.5, "end": 3.5}}
    (job / "01_demux" / "probe.json").write_text(json.dumps(probe))
    ended = mux(stages, job, films / "extras.mkv", "es")
    assert "begins at a key frame, 0.48 s before CLIP_START (1.5 s)" in ended.warnings
    film = film_of(ended)
    command = ["ffprobe", "-v", "error", "-select_streams", "s:1", "-of", "csv=p=0"]
    command += ["-show_entries", "packet=pts_time", f"/films/{film.name}"]
    times = stages.in_ffmpeg_image(command, film.parent).split()
    assert float(times[0]) == pytest.approx(0.5 + 0.48, abs=0.03)
    chapters = stages.probe(film)["chapters"]
    assert [round(float(chapter["start_time"]), 1) for chapter in chapters] == [0.0, 0.5]


def test_attachments_stay_in_mkv(stages: Stages, films: Path, tmp_path: Path) -> None:
    film = film_of(mux(stages, tmp_path / "job", films / "attached.mkv", "es"))
    names = [stream["tags"].get("filename") for stream in stages.probe(film)["streams"]]
    assert "font.ttf" in names


def test_a_cover_alone_is_no_picture(stages: Stages, films: Path, tmp_path: Path) -> None:
    probe = stages.probe(film_of(mux(stages, tmp_path / "job", films / "song.mp3", "es")))
    assert kinds(probe) == ["audio", "subtitle", "video"]
    assert covers(probe) == 1


def test_picture_and_sound_are_copied_bit_by_bit(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    film = film_of(mux(stages, tmp_path / "job", films / "film.mkv", "es"))
    before = stream_hashes(stages, films / "film.mkv", "0:v", "0:a")
    assert stream_hashes(stages, film, "0:v", "0:a") == before


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cut_off_film.mkv", "it lasts 2.4 s instead of 4.0 s"),
        ("cut_off_film.mp4", "it lasts 2.4 s instead of 4.0 s"),
        ("text.mp4", "is empty, cut off or no media file"),
        ("empty.mkv", "is empty, cut off or no media file"),
    ],
)
def test_a_bad_film_leaves_no_film(
    stages: Stages, films: Path, tmp_path: Path, name: str, reason: str
) -> None:
    ended = mux(stages, tmp_path / "job", films / name)
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert name in ended.errors
    assert reason in ended.errors
    assert not list(ended.folder.glob("film*"))


def test_a_container_that_cannot_hold_the_picture_is_refused(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    ended = mux(stages, tmp_path / "job", films / "web.webm", MUX_CONTAINER="mp4")
    assert ended.exit_code == 1
    assert "mp4 cannot hold stream 0 (video, vp8) of web.webm" in ended.errors
    assert "Set MUX_CONTAINER to mkv" in ended.errors


def test_odd_names_simply_work(stages: Stages, films: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("-dash.mkv", "two\nlines.mkv")):
        film = film_of(mux(stages, tmp_path / str(number), films / "odd" / name, "es"))
        assert film.name == "film.mkv"
