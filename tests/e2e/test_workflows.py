"""Each workflow from the film to its last file, and jobs that begin in the middle."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from runner.host.engine import DockerEngine
from tests.e2e.conftest import Demo
from tests.e2e.hand_offs import PROJECT
from tests.e2e.test_demo import probe
from tests.project_kit import run_stagerun

pytestmark = [pytest.mark.engine, pytest.mark.images]

CLIP: Final = ("--set", "CLIP_END=12")
SPANISH: Final = ("--set", "TARGET_LANGUAGES=es")
OWN_SUBTITLES: Final = "1\n00:00:01,000 --> 00:00:03,000\nWritten by hand.\n"


def make_and_run(job: Path, *words: str) -> dict[str, Any]:
    """The stages' entries of a new job after its run."""
    begun = run_stagerun("init", job, *words)
    assert begun.returncode == 0, begun.stderr
    run = run_stagerun("run", job, "--wait", "10m")
    assert run.returncode == 0, run.stdout + run.stderr
    entries: dict[str, Any] = json.loads((job / "manifest.json").read_text())["stages"]
    return entries


def upto(last: str) -> set[str]:
    return set(PROJECT.stage_ids[: PROJECT.stage_ids.index(last) + 1])


def verdicts(entries: dict[str, Any], stages: Iterable[str]) -> set[str]:
    return {entries[stage]["verdict"] for stage in stages}


def test_transcribe_ends_with_a_time_for_every_word(demo: Demo, tmp_path: Path) -> None:
    job = tmp_path / "job"
    film = f"media={demo.inputs['media']}"
    entries = make_and_run(job, "--input", film, "--workflow", "transcribe", *CLIP)
    assert entries.keys() == upto("07_alignment")
    transcript = json.loads((job / "07_alignment" / "segments.json").read_text())
    assert all(segment["words"] for segment in transcript["segments"])
    text = (job / "07_alignment" / "transcript.txt").read_text()
    assert "welcome to our short story" in text


def test_translate_ends_with_a_text_in_each_language(demo: Demo, tmp_path: Path) -> None:
    job = tmp_path / "job"
    film = f"media={demo.inputs['media']}"
    targets = ("--set", "TARGET_LANGUAGES=es ca")
    entries = make_and_run(job, "--input", film, "--workflow", "translate", *CLIP, *targets)
    assert entries.keys() == upto("08_translation")
    for language in ("es", "ca"):
        assert (job / "08_translation" / f"transcript_{language}.txt").read_text().strip()


def test_subtitle_ends_with_a_film_in_which_both_languages_can_be_chosen(
    demo: Demo, engine: DockerEngine
) -> None:
    streams = probe(engine, demo.job / "10_mux" / "film.mkv")["streams"]
    languages = [
        stream["tags"]["language"] for stream in streams if stream["codec_type"] == "subtitle"
    ]
    assert sorted(languages) == ["eng", "spa"]


def test_without_a_film_database_glossary_or_target_the_job_goes_on_and_says_so(
    demo: Demo, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    entries = make_and_run(job, "--input", f"media={demo.inputs['media']}", *CLIP)
    assert entries.keys() == set(PROJECT.stage_ids)
    skipped = {stage for stage, entry in entries.items() if entry["verdict"] == "skipped"}
    assert skipped == {"02_tmdb", "03_glossary_load", "08_translation"}
    assert all(entries[stage]["reason"] for stage in skipped)


def test_a_finished_transcript_takes_the_place_of_what_would_make_it(
    demo: Demo, tmp_path: Path
) -> None:
    own = tmp_path / "mine.json"
    segment = {"start": 0.9, "end": 3.9, "text": "Good evening, and welcome to our story."}
    own.write_text(json.dumps({"language": "en", "segments": [segment]}))
    words = ("--input", f"media={demo.inputs['media']}", "--have", f"06_asr/segments={own}")
    entries = make_and_run(tmp_path / "job", *words, *SPANISH)
    (srt,) = (tmp_path / "job" / "09_subtitle_gen").glob("*.en.srt")
    assert "welcome to our story." in srt.read_text().replace("\n", " ")
    assert "03_glossary_load" in entries  # the translation still wants its terms
    assert entries["06_asr"]["verdict"] == "success"


def test_finished_subtitles_need_nothing_but_the_film(demo: Demo, tmp_path: Path) -> None:
    own = tmp_path / "film.en.srt"
    own.write_text(OWN_SUBTITLES)
    have = ("--have", f"09_subtitle_gen/subtitles={own}")
    entries = make_and_run(tmp_path / "job", "--input", f"media={demo.inputs['media']}", *have)
    assert verdicts(entries, ("09_subtitle_gen", "10_mux")) == {"success"}
    assert not {"05_vad", "06_asr", "07_alignment", "08_translation"} & entries.keys()


def test_separated_speech_of_ones_own_is_what_is_transcribed(demo: Demo, tmp_path: Path) -> None:
    own = demo.job / "04_source_separation" / "speech.wav"
    words = ("--input", f"media={demo.inputs['media']}", "--workflow", "transcribe")
    have = ("--have", f"04_source_separation/speech={own}")
    make_and_run(tmp_path / "job", *words, *have)
    theirs = (demo.job / "07_alignment" / "transcript.txt").read_bytes()
    assert (tmp_path / "job" / "07_alignment" / "transcript.txt").read_bytes() == theirs
