"""The subtitle tracks that stage 10 writes, and what is in them."""

from __future__ import annotations

import html
import unicodedata
from pathlib import Path

import pytest

from tests.stages.containers import Stages
from tests.stages.muxed_films import film_of, mux, tracks

pytestmark = [pytest.mark.images, pytest.mark.engine]

TEXTS = (
    "\"Quotes\" & 'signs'",
    "5 <6 and a<c> --> d",
    "{braces} 😀",
    "<i>שלום</i> עולם، مرحبا",
)


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
