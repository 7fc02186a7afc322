"""Stage 10 on real films, in its parent image."""

from __future__ import annotations

import html
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.media.recipes import SECONDS
from tests.stages.containers import Ended, Stages, new_job

pytestmark = [pytest.mark.images, pytest.mark.engine]

# The last cue ends where no cut-off film still has a picture: it must not hide that.
CUES = (
    "1\n00:00:00,500 --> 00:00:01,500\nOne\n\n"
    "2\n00:00:01,600 --> 00:00:02,000\nTwo\n\n"
    "3\n00:00:03,000 --> 00:00:03,900\nThree\n\n"
)


TEXTS = (
    "\"Quotes\" & 'signs'",
    "5 <6 and a<c> --> d",
    "{braces} 😀",
    "<i>שלום</i> עולם، مرحبا",
)


def mux(
    stages: Stages,
    job: Path,
    film: Path,
    languages: str = "es fr",
    cues: str = CUES,
    /,
    **config: str,
) -> Ended:
    new_job(job, film)
    (job / "09_subtitle_gen").mkdir()
    for language in languages.split():
        (job / "09_subtitle_gen" / f"{film.stem}.{language}.srt").write_text(cues)
    (job / "01_demux").mkdir(exist_ok=True)
    return stages.run("10_mux", job, **config)


def film_of(ended: Ended) -> Path:
    """The finished film, beside which nothing was left."""
    assert ended.exit_code == 0, ended.output
    names = {path.name for path in ended.folder.iterdir()} - {"manifest.json", "stage.log"}
    (name,) = names - {".lock"}
    return ended.folder / name


def tracks(probe: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Codec, language and default mark of each subtitle track."""
    return [
        (stream["codec_name"], stream["tags"]["language"], stream["disposition"]["default"])
        for stream in probe["streams"]
        if stream["codec_type"] == "subtitle"
    ]


def kinds(probe: dict[str, Any]) -> list[str]:
    return sorted(stream["codec_type"] for stream in probe["streams"])


def covers(probe: dict[str, Any]) -> int:
    return sum(stream["disposition"]["attached_pic"] for stream in probe["streams"])


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


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [
        ("film.mkv", "mkv", "subrip"),
        ("film.mkv", "mp4", "mov_text"),
        ("web.webm", "webm", "webvtt"),
    ],
)
def test_order_default_and_marks_are_as_asked(
    stages: Stages, films: Path, tmp_path: Path, name: str, container: str, codec: str
) -> None:
    wishes = {"SUBTITLE_ORDER": "es ja en", "SUBTITLE_DEFAULT": "en", "SUBTITLE_FORCED": "ja"}
    wishes |= {"SUBTITLE_SDH": "en", "MUX_CONTAINER": container}
    ended = mux(stages, tmp_path / "job", films / name, "en es ja", **wishes)
    probe = stages.probe(film_of(ended))
    assert tracks(probe) == [(codec, "spa", 0), (codec, "jpn", 0), (codec, "eng", 1)]
    spanish, japanese, english = (s for s in probe["streams"] if s["codec_type"] == "subtitle")
    assert [s["disposition"]["forced"] for s in (spanish, japanese, english)] == [0, 1, 0]
    assert english["disposition"]["hearing_impaired"] == (container != "webm")
    title = "handler_name" if container == "mp4" else "title"
    assert english["tags"][title] == "English (SDH)"
    assert ("cannot mark film" in ended.warnings) == (container == "webm") or name == "web.webm"


def test_the_translations_come_first_in_the_order_in_which_they_were_asked_for(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    ended = mux(stages, tmp_path / "job", films / "film.mkv", "ca en es", TARGET_LANGUAGES="es ca")
    assert [track[1:] for track in tracks(stages.probe(film_of(ended)))] == [
        ("spa", 1),
        ("cat", 0),
        ("eng", 0),
    ]


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_the_only_track_is_no_default_where_none_is_asked_for(
    stages: Stages, films: Path, tmp_path: Path, container: str
) -> None:
    wishes = {"MUX_CONTAINER": container, "SUBTITLE_DEFAULT": "none"}
    ended = mux(stages, tmp_path / "job", films / "film.mkv", "es", **wishes)
    assert [track[2] for track in tracks(stages.probe(film_of(ended)))] == [0]


def test_attachments_stay_in_mkv_and_are_missed_in_mp4(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    film = film_of(mux(stages, tmp_path / "mkv", films / "attached.mkv", "es"))
    names = [stream["tags"].get("filename") for stream in stages.probe(film)["streams"]]
    assert "font.ttf" in names
    ended = mux(stages, tmp_path / "mp4", films / "attached.mkv", "es", MUX_CONTAINER="mp4")
    assert "mp4 cannot hold stream" in ended.warnings
    assert kinds(stages.probe(film_of(ended))) == ["audio", "subtitle", "subtitle", "video"]


def test_a_cover_alone_is_no_picture(stages: Stages, films: Path, tmp_path: Path) -> None:
    probe = stages.probe(film_of(mux(stages, tmp_path / "job", films / "song.mp3", "es")))
    assert kinds(probe) == ["audio", "subtitle", "video"]
    assert covers(probe) == 1


@pytest.mark.parametrize(
    ("name", "container", "as_text"),
    [
        ("film.mkv", "mkv", ["-c", "copy", "-f", "srt"]),
        ("film.mkv", "mp4", ["-c", "copy", "-f", "data"]),
        ("web.webm", "webm", ["-c", "copy", "-f", "webvtt"]),
    ],
)
def test_every_letter_gets_into_the_film(
    stages: Stages, films: Path, tmp_path: Path, name: str, container: str, as_text: list[str]
) -> None:
    cues = "".join(
        f"{number}\n00:00:0{number},000 --> 00:00:0{number},900\n{text}\n\n"
        for number, text in enumerate(TEXTS)
    )
    ended = mux(stages, tmp_path / "job", films / name, "es", cues, MUX_CONTAINER=container)
    film = film_of(ended)
    command = ["ffmpeg", "-v", "error", "-i", f"/films/{film.name}", "-map", "0:s:0", *as_text, "-"]
    found = stages.in_ffmpeg_image(command, film.parent)
    if container == "webm":
        found = html.unescape(found)
    if container == "mp4":  # which has italics, but not as letters, and braces in full width
        found = unicodedata.normalize("NFKC", found).replace("שלום", "<i>שלום</i>")
    assert [text for text in TEXTS if text not in found] == []


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_ten_thousand_cues_and_a_very_long_one_get_in(
    stages: Stages, films: Path, tmp_path: Path, container: str
) -> None:
    letters = "é" * (100_000 if container == "mkv" else 30_000)
    cues = "".join(
        f"{number}\n00:00:0{number // 2500},{number % 2500 * 399 // 1000:03d} --> 00:00:04,000\n"
        f"{letters if number == 42 else number}\n\n"
        for number in range(10_000)
    )
    ended = mux(stages, tmp_path / "job", films / "film.mkv", "es", cues, MUX_CONTAINER=container)
    film_of(ended)  # the stage has counted them


def test_picture_and_sound_are_copied_bit_by_bit(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    film = film_of(mux(stages, tmp_path / "job", films / "film.mkv", "es"))
    hashing = ["-map", "0:v", "-map", "0:a", "-c", "copy", "-f", "streamhash", "-"]
    sums = {
        stages.in_ffmpeg_image(
            ["ffmpeg", "-v", "error", "-i", f"/films/{path.name}", *hashing], path.parent
        )
        for path in (film, films / "film.mkv")
    }
    assert len(sums) == 1


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
    assert "mp4 cannot hold the vp8 picture of web.webm" in ended.errors
    assert "Set MUX_CONTAINER to mkv" in ended.errors


def test_odd_names_simply_work(stages: Stages, films: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("-dash.mkv", "two\nlines.mkv")):
        film = film_of(mux(stages, tmp_path / str(number), films / "odd" / name, "es"))
        assert film.name == "film.mkv"
