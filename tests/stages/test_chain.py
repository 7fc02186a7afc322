"""The four stages one after the other on the demo's film, in their parent images."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jiwer
import pytest

from tests.stages.containers import ROOT, Stages, new_job

pytestmark = [pytest.mark.images, pytest.mark.engine]

MOST_WORDS_WRONG = 0.10


def bare(text: str) -> str:
    """Lower case without punctuation, as word error rates are counted."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


@pytest.fixture(scope="module")
def demo(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's job, finished."""
    folder = tmp_path_factory.mktemp("demo")
    stages.in_ffmpeg_image(["python3", "/demo/make_clip.py", "/films/clip.mkv"], folder)
    job = new_job(folder / "job", folder / "clip.mkv")
    for stage in ("01_demux", "06_asr", "09_subtitle_gen", "10_mux"):
        ended = stages.run(stage, job)
        assert ended.exit_code == 0, ended.output
        assert ended.manifest["warnings"] == []
    return job


def test_the_demo_is_understood(demo: Path) -> None:
    said = bare((ROOT / "demo" / "spoken.txt").read_text())
    segments = json.loads((demo / "06_asr" / "segments.json").read_text())["segments"]
    heard = bare(" ".join(segment["text"] for segment in segments))
    assert jiwer.wer(said, heard) <= MOST_WORDS_WRONG


def test_every_word_of_the_transcript_is_in_the_finished_film(stages: Stages, demo: Path) -> None:
    command = ["ffmpeg", "-v", "error", "-i", "/films/film.mkv", "-map", "0:s:0", "-f", "srt", "-"]
    shown = stages.in_ffmpeg_image(command, demo / "10_mux")
    text = " ".join(line for line in shown.splitlines() if not re.fullmatch(r"\d+|.*-->.*", line))
    segments = json.loads((demo / "06_asr" / "segments.json").read_text())["segments"]
    assert bare(text) == bare(" ".join(segment["text"] for segment in segments))


def test_the_subtitle_track_is_english_and_the_default(stages: Stages, demo: Path) -> None:
    *_, track = stages.probe(demo / "10_mux" / "film.mkv")["streams"]
    assert (track["codec_name"], track["tags"]["language"]) == ("subrip", "eng")
    assert track["disposition"]["default"] == 1
