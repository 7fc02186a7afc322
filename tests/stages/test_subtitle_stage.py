"""Stage 09 in its parent image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.stages.containers import Ended, Stages

pytestmark = [pytest.mark.images, pytest.mark.engine]

HELLO = {"start": 0.5, "end": 1.5, "text": "Hello.", "confidence": 1.0, "words": []}


def write(stages: Stages, job: Path, transcript: object, title: str = "", **config: str) -> Ended:
    (job / "06_asr").mkdir(parents=True)
    (job / "06_asr" / "segments.json").write_text(json.dumps(transcript))
    (job / "01_demux").mkdir()
    if title:
        (job / "01_demux" / "probe.json").write_text(json.dumps({"title": title}))
    return stages.run("09_subtitle_gen", job, **config)


def spoken(*segments: dict[str, Any], language: str = "en") -> dict[str, Any]:
    return {"language": language, "segments": list(segments)}


def test_files_are_named_after_film_and_language(stages: Stages, tmp_path: Path) -> None:
    transcript = spoken(HELLO, language="pt-BR")
    ended = write(stages, tmp_path, transcript, title="-a/b\n«c»", GENERATE_VTT="true")
    assert ended.exit_code == 0, ended.output
    outputs = {entry["path"]: entry["name"] for entry in ended.manifest["outputs"]}
    assert outputs == {
        "09_subtitle_gen/a b «c».pt-BR.srt": "subtitles",
        "09_subtitle_gen/a b «c».pt-BR.vtt": "webvtt",
    }


def test_without_a_probe_the_film_is_called_film(stages: Stages, tmp_path: Path) -> None:
    ended = write(stages, tmp_path, spoken(HELLO))
    srt = (ended.folder / "film.en.srt").read_bytes()
    assert srt == b"1\n00:00:00,500 --> 00:00:01,500\nHello.\n\n"
    assert not list(ended.folder.glob("*.vtt"))


def test_nothing_said_is_an_empty_file_with_a_warning(stages: Stages, tmp_path: Path) -> None:
    ended = write(stages, tmp_path, spoken(), GENERATE_VTT="yes")
    assert ended.exit_code == 0
    assert (ended.folder / "film.en.srt").read_bytes() == b""
    assert (ended.folder / "film.en.vtt").read_bytes() == b"WEBVTT\n\n"
    assert "has no cue" in ended.warnings


@pytest.mark.parametrize(
    ("transcript", "reason"),
    [
        ([], "segments.json is no transcript: language"),
        (spoken(HELLO, {**HELLO, "start": None}), "segments[1]: ValueError: None is no time"),
        (spoken({**HELLO, "end": float("nan")}), "segments[0]: ValueError: nan is no time"),
        (spoken({**HELLO, "start": 360000, "end": 360001}), "A cue after 99:59:59"),
    ],
)
def test_what_is_no_transcript_fails_with_the_place(
    stages: Stages, tmp_path: Path, transcript: object, reason: str
) -> None:
    ended = write(stages, tmp_path, transcript)
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert reason in ended.errors
