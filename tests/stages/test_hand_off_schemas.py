"""The schemas of what only one stage reads or writes say the same as that stage's own code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cue import Cue
from film_facts import FilmFactsError, read_film_facts
from film_people import EnrichmentError, read_people
from srt_file import read_srt
from streams import MuxError
from subtitle_files import ass_text, srt_text, vtt_text

from runner.run.content import misfit
from tests.project_kit import ROOT

TIMES = "00:00:01,000 --> 00:00:03,000"


def problem(path: Path, content: object, schema: str) -> str | None:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return misfit(path, path.name, ROOT / "schemas" / f"{schema}.json")


def is_srt(path: Path) -> bool:
    try:
        return bool(read_srt(path))
    except MuxError:
        return False


@pytest.mark.parametrize(
    "text",
    [
        f"1\n{TIMES}\nHello\n",
        f"\ufeff1\r\n{TIMES}\r\nHello\r\n\r\n",
        " 1:2:3.4 --> 1:2:3.5 X1:0 X2:9\nHello",
        f"{TIMES}\nleft --> right\n",
        "Hello\n",
        "1\n00:00:01,000 -> 00:00:03,000\nHello\n",
        "WEBVTT\n\n00:01.000 --> 00:03.000\nHello\n",
    ],
)
def test_subtitles_fit_if_the_film_can_have_them(tmp_path: Path, text: str) -> None:
    path = tmp_path / "film.en.srt"
    assert (problem(path, text, "srt") is None) == is_srt(path)


def test_times_that_would_be_shown_as_text_are_refused_with_their_line(tmp_path: Path) -> None:
    text = f"1\n{TIMES}\nHello\n\n2\n00:04.000 --> 00:05.000\nWorld\n"
    said = problem(tmp_path / "film.en.srt", text, "srt")
    assert said is not None
    assert said.startswith('line 6: "00:04.000 --> 00:05.000" does not fit')


@pytest.mark.parametrize("line", ["plain", "left --> right", "12:30 --> 13:00", "WEBVTT", "{b}<i>"])
def test_subtitles_that_were_laid_out_fit(tmp_path: Path, line: str) -> None:
    cues = [Cue(1000, 2004, ("One", line)), Cue(3_600_000, 3_601_000, (line,))]
    assert problem(tmp_path / "a.srt", srt_text(cues), "srt") is None
    assert problem(tmp_path / "a.vtt", vtt_text(cues), "vtt") is None
    assert problem(tmp_path / "a.ass", ass_text(cues), "ass") is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.vtt", f"1\n{TIMES}\nHello\n"),
        ("a.vtt", f"WEBVTT\n\n{TIMES}\nHello\n"),
        ("a.ass", f"1\n{TIMES}\nHello\n"),
        ("a.ass", "[Script Info]\nTitle: x\n"),
        ("a.ass", "[Script Info]\n[Events]\nDialogue: 0,1.0,2.0,Default,,0,0,0,,Hello\n"),
    ],
)
def test_subtitles_under_another_name_are_refused(tmp_path: Path, name: str, text: str) -> None:
    assert problem(tmp_path / name, text, name.rpartition(".")[2]) is not None


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"title": "film", "clip": None, "streams": [{"codec_type": "video", "disposition": {}}]},
        {"clip": {"start": 1, "end": None}},
        {"streams": {"a": 1}},
        {"streams": [1]},
        {"streams": [{"codec_type": "video", "disposition": 1}]},
    ],
)
def test_facts_fit_if_the_subtitles_can_use_them(tmp_path: Path, facts: Any) -> None:
    path = tmp_path / "probe.json"
    said = problem(path, facts, "probe")
    try:
        read_film_facts(path)
    except FilmFactsError:
        assert said is not None
    else:
        assert said is None


@pytest.mark.parametrize("clip", [1, "0:10", {}, {"start": 1}, {"start": "1", "end": 2}])
def test_a_clip_that_the_film_cannot_be_cut_to_is_refused(tmp_path: Path, clip: object) -> None:
    said = problem(tmp_path / "probe.json", {"clip": clip}, "probe")
    assert said is not None
    assert said.startswith("clip")


@pytest.mark.parametrize("details", [{}, {"cast": ["Ana"]}, {"titles": {"es": "El río"}}])
def test_details_of_a_film_fit(tmp_path: Path, details: Any) -> None:
    path = tmp_path / "enrichment.json"
    assert problem(path, details, "enrichment") is None
    read_people(path, "en")


@pytest.mark.parametrize("details", [[], {"cast": "Ana"}, {"cast": [1]}, {"titles": ["El río"]}])
def test_details_that_would_be_passed_over_in_silence_are_refused(
    tmp_path: Path, details: Any
) -> None:
    path = tmp_path / "enrichment.json"
    assert problem(path, details, "enrichment") is not None
    try:
        people = read_people(path, "en")
    except EnrichmentError:
        return
    assert not people.actors
    assert not people.titles
