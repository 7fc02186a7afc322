"""What becomes of the subtitles, fonts and covers that a film had before stage 10."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.stages.containers import Stages
from tests.stages.muxed_films import covers, film_of, kinds, mux, stream_hashes, tracks

pytestmark = [pytest.mark.images, pytest.mark.engine]

READ = {"A sign": (0.5, 2.0), "said at once": (0.5, 1.5), "and later": (2.5, 3.5)}
DRAWING = "m 0 0 l 10 10"


def shown_times(stages: Stages, film: Path) -> dict[str, tuple[float, float]]:
    """From when to when, in seconds, each line of the first track shows, without its markup."""
    command = ["ffmpeg", "-v", "error", "-i", f"/films/{film.name}", "-map", "0:s:0"]
    srt = stages.in_ffmpeg_image([*command, "-f", "srt", "-"], film.parent)
    shown: dict[str, tuple[float, float]] = {}
    for cue in srt.strip().split("\n\n"):
        _, times, *lines = cue.splitlines()
        start, end = (float(time[-6:].replace(",", ".")) for time in times.split(" --> "))
        shown |= {re.sub(r"<[^>]*>|\{[^}]*\}", "", line): (start, end) for line in lines}
    return shown


def near(start: float, end: float) -> Any:
    """These times, or later by the few hundredths that sound lags behind in a WebM."""
    return pytest.approx((start, end), abs=0.02)


def test_mkv_keeps_pictures_drawn_subtitles_and_their_font(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    ended = mux(stages, tmp_path / "job", films / "disc.mkv", "es")
    film = film_of(ended)
    found = tracks(stages.probe(film))
    assert found == [("ass", "ger", 0), ("hdmv_pgs_subtitle", "fre", 0), ("subrip", "spa", 1)]
    assert ended.manifest["warnings"] == []
    before = stream_hashes(stages, films / "disc.mkv", "0:s:0", "0:s:1")
    assert stream_hashes(stages, film, "0:s:0", "0:s:1") == before


def test_what_mp4_cannot_hold_of_a_disc_is_refused_in_one_sentence(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    ended = mux(stages, tmp_path / "job", films / "disc.mkv", "es", MUX_CONTAINER="mp4")
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert ended.errors == (
        "mp4 cannot hold stream 3 (subtitle, hdmv_pgs_subtitle, fre) and stream 4 (attachment, ttf)"
        " of disc.mkv. Set MUX_CONTAINER to mkv, which holds all of that, or MUX_LEAVE_OUT to"
        ' "subtitles attachments" to have the film without.'
    )
    assert not list(ended.folder.glob("film*"))


def test_what_may_be_left_out_of_mp4_is_named_and_the_rest_stays(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    wishes = {"MUX_CONTAINER": "mp4", "MUX_LEAVE_OUT": "attachments,subtitles"}
    ended = mux(stages, tmp_path / "job", films / "disc.mkv", "es", **wishes)
    probe = stages.probe(film_of(ended))
    assert tracks(probe) == [("mov_text", "ger", 0), ("mov_text", "spa", 1)]
    assert kinds(probe) == ["audio", "subtitle", "subtitle", "video"]
    assert ended.warnings == (
        "mp4 cannot hold stream 3 (subtitle, hdmv_pgs_subtitle, fre) and stream 4 (attachment,"
        " ttf); left out."
    )
    assert ended.manifest["config"]["MUX_LEAVE_OUT"] == "attachments subtitles"


def test_a_word_that_names_nothing_to_leave_out_is_refused(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    ended = mux(stages, tmp_path / "job", films / "film.mkv", MUX_LEAVE_OUT="fonts")
    assert ended.exit_code == 1
    assert "MUX_LEAVE_OUT names fonts" in ended.errors


@pytest.mark.parametrize(
    ("name", "container", "codec", "title"),
    [
        ("drawn.mkv", "mkv", "ass", "title"),
        ("drawn.mkv", "mp4", "mov_text", "handler_name"),
        ("drawn_web.mkv", "webm", "webvtt", "title"),
    ],
)
def test_a_subtitle_of_the_film_keeps_language_title_and_marks(
    stages: Stages, films: Path, tmp_path: Path, name: str, container: str, codec: str, title: str
) -> None:
    wishes = {"MUX_CONTAINER": container, "SUBTITLE_DEFAULT": "de"}
    probe = stages.probe(film_of(mux(stages, tmp_path / "job", films / name, "es", **wishes)))
    own = next(s for s in probe["streams"] if s["codec_type"] == "subtitle")
    assert (own["codec_name"], own["tags"]["language"]) == (codec, "ger")
    assert own["tags"][title] == "Signs"
    assert (own["disposition"]["default"], own["disposition"]["forced"]) == (1, 1)


@pytest.mark.parametrize(("name", "container"), [("drawn.mkv", "mkv"), ("drawn_web.mkv", "webm")])
def test_every_text_of_the_film_shows_as_long_as_before(
    stages: Stages, films: Path, tmp_path: Path, name: str, container: str
) -> None:
    ended = mux(stages, tmp_path / "job", films / name, "es", MUX_CONTAINER=container)
    shown = shown_times(stages, film_of(ended))
    drawing = shown.pop(DRAWING, None)
    assert shown == {text: near(*times) for text, times in READ.items()}
    assert (drawing is not None) == (container == "mkv")  # where it is drawn, not read


def test_texts_of_the_film_that_start_together_show_together_in_mp4(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    ended = mux(stages, tmp_path / "job", films / "drawn.mkv", "es", MUX_CONTAINER="mp4")
    times = {**READ, "said at once": READ["A sign"]}
    assert shown_times(stages, film_of(ended)) == {text: near(*t) for text, t in times.items()}


def test_a_clip_has_the_films_own_texts_where_they_belong(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    (job / "01_demux").mkdir(parents=True)
    probe = {"title": "film", "clip": {"start": 0.4, "end": 3.0}}
    (job / "01_demux" / "probe.json").write_text(json.dumps(probe))
    film = film_of(mux(stages, job, films / "drawn.mkv", "es", MUX_CONTAINER="mp4"))
    shown = shown_times(stages, film)
    assert set(shown) == set(READ)
    assert shown["A sign"] == near(0.1, 1.6)
    assert shown["and later"][0] == pytest.approx(2.1)


@pytest.mark.parametrize(("container", "codec"), [("mkv", "subrip"), ("mp4", "mov_text")])
def test_closed_captions_become_text(
    stages: Stages, films: Path, tmp_path: Path, container: str, codec: str
) -> None:
    wishes = {"MUX_CONTAINER": container}
    film = film_of(mux(stages, tmp_path / "job", films / "captions.mov", "es", **wishes))
    codecs = [s["codec_name"] for s in stages.probe(film)["streams"]]
    assert codecs == ["h264", "aac", codec, codec]
    assert set(shown_times(stages, film)) == {"Hello"}


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_subtitles_that_ffmpeg_takes_for_data_are_refused(
    stages: Stages, films: Path, tmp_path: Path, container: str
) -> None:
    film = films / "timed_text.mp4"
    ended = mux(stages, tmp_path / "job", film, "es", MUX_CONTAINER=container)
    assert f"{container} cannot hold stream 2 (subtitle, stpp) of timed_text.mp4" in ended.errors
    assert "MUX_CONTAINER" not in ended.errors  # which would not help


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_a_dvds_pictures_are_kept(
    stages: Stages, films: Path, tmp_path: Path, container: str
) -> None:
    film = film_of(mux(stages, tmp_path / "job", films / "dvd.mkv", "es", MUX_CONTAINER=container))
    assert [s["codec_name"] for s in stages.probe(film)["streams"]][2] == "dvd_subtitle"


def test_a_cover_that_only_mkv_can_hold(stages: Stages, films: Path, tmp_path: Path) -> None:
    probe = stages.probe(film_of(mux(stages, tmp_path / "mkv", films / "gif.mkv", "es")))
    assert covers(probe) == 1
    refused = mux(stages, tmp_path / "mp4", films / "gif.mkv", "es", MUX_CONTAINER="mp4")
    assert "mp4 cannot hold stream 2 (cover, gif) of gif.mkv" in refused.errors
    wishes = {"MUX_CONTAINER": "mp4", "MUX_LEAVE_OUT": "covers"}
    ended = mux(stages, tmp_path / "without", films / "gif.mkv", "es", **wishes)
    assert covers(stages.probe(film_of(ended))) == 0
