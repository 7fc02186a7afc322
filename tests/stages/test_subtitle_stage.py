"""Stage 09 in its parent image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.transcript import Segment, Transcript, write_transcript
from tests.stages.containers import Ended, Stages
from tests.stages.subtitle_readers import read_ass, read_srt, read_vtt

pytestmark = [pytest.mark.images, pytest.mark.engine]

HELLO = {"start": 0.5, "end": 1.5, "text": "Hello.", "confidence": 1.0, "words": []}
HOLA = {**HELLO, "text": "Hola.", "source_text": "Hello."}
FORMATS = "srt, vtt, ass"
SIGNS = "{\\an8}a{b} <i>c</i> & &amp; --> C:\\New « d » 😀 مرحبا नमस्ते"


def write(stages: Stages, job: Path, transcript: object, title: str = "", **config: str) -> Ended:
    lay(job, "06_asr/segments.json", transcript)
    if title:
        lay(job, "01_demux/probe.json", {"title": title})
    return stages.run("09_subtitle_gen", job, **config)


def lay(job: Path, name: str, content: object) -> None:
    file = job / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def spoken(*segments: dict[str, Any], language: str = "en") -> dict[str, Any]:
    return {"language": language, "segments": list(segments)}


def report(ended: Ended, language: str = "en") -> Any:
    return json.loads((ended.folder / "quality.json").read_text())["languages"][language]


def test_every_transcript_becomes_files_named_after_film_and_language(
    stages: Stages, tmp_path: Path
) -> None:
    lay(tmp_path, "08_translation/segments_es.json", spoken(HOLA, language="es"))
    lay(tmp_path, "08_translation/segments_ca.json", spoken(HOLA, language="ca"))
    transcript = spoken(HELLO, language="pt-BR")
    ended = write(stages, tmp_path, transcript, title="-a/b\n«c»", SUBTITLE_FORMATS=FORMATS)
    assert ended.exit_code == 0, ended.output
    outputs = {entry["path"]: entry["name"] for entry in ended.manifest["outputs"]}
    folder = "09_subtitle_gen"
    assert outputs == {f"{folder}/quality.json": "quality"} | {
        f"{folder}/a b «c».{language}.{ending}": name
        for language in ("pt-BR", "es", "ca")
        for ending, name in (("srt", "subtitles"), ("vtt", "webvtt"), ("ass", "ass"))
    }
    assert set(ended.manifest["quality"]) == {"pt-BR", "es", "ca"}
    assert ended.manifest["quality"]["es"]["avoidable"] == 0
    assert "a b «c».es.srt: 1 cues, every rule kept" in ended.output


def test_without_a_probe_the_film_is_called_film_and_srt_is_enough(
    stages: Stages, tmp_path: Path
) -> None:
    ended = write(stages, tmp_path, spoken(HELLO))
    srt = (ended.folder / "film.en.srt").read_bytes()
    assert srt == b"1\n00:00:00,500 --> 00:00:01,500\nHello.\n\n"
    assert not list(ended.folder.glob("*.vtt"))


def test_nothing_said_is_an_empty_file_with_a_warning(stages: Stages, tmp_path: Path) -> None:
    ended = write(stages, tmp_path, spoken(), SUBTITLE_FORMATS=FORMATS)
    assert ended.exit_code == 0
    assert (ended.folder / "film.en.srt").read_bytes() == b""
    assert (ended.folder / "film.en.vtt").read_bytes() == b"WEBVTT\n\n"
    assert read_ass((ended.folder / "film.en.ass").read_text()) == []
    assert "has no cue" in ended.warnings
    assert report(ended)["cues"] == 0


def test_speech_that_was_heard_places_what_has_no_times_of_words(
    stages: Stages, tmp_path: Path
) -> None:
    lay(tmp_path, "05_vad/segments.json", {"segments": [{"start": 2.0, "end": 3.0}]})
    ended = write(stages, tmp_path, spoken({**HELLO, "start": 0.0, "end": 9.0}))
    (cue,) = read_srt((ended.folder / "film.en.srt").read_text())
    assert (cue.start_ms, cue.end_ms) == (2000, 3000)


def test_what_was_not_translated_is_left_out_and_listed(stages: Stages, tmp_path: Path) -> None:
    missing = {**HELLO, "text": "", "source_text": "Bye.", "untranslated": "too long"}
    lay(tmp_path, "08_translation/segments_es.json", spoken(HOLA, missing, language="es"))
    ended = write(stages, tmp_path, spoken(HELLO, HELLO))
    found = report(ended, "es")
    assert (found["cues"], found["segments"]) == (1, 2)
    assert found["untranslated"] == [
        {"segment": 1, "start": 0.5, "end": 1.5, "reason": "too long", "source_text": "Bye."}
    ]
    assert "film.es.srt lacks 1 segments that were not translated" in ended.warnings


@pytest.mark.parametrize(("setting", "cues"), [("keep", 2), ("drop", 1)])
def test_suspect_text_is_shown_or_not_as_asked_and_counted(
    stages: Stages, tmp_path: Path, setting: str, cues: int
) -> None:
    doubtful = {**HELLO, "start": 5.0, "end": 6.0, "suspect": "said ten times"}
    ended = write(stages, tmp_path, spoken(HELLO, doubtful), SUBTITLE_SUSPECT=setting)
    assert report(ended)["cues"] == cues
    assert report(ended)["suspect"] == {"kept": cues - 1, "dropped": 2 - cues}


def test_signs_of_every_kind_are_seen_in_every_format_and_in_what_ffmpeg_makes_of_it(
    stages: Stages, tmp_path: Path
) -> None:
    said = spoken({**HELLO, "text": SIGNS, "end": 5.0})
    ended = write(stages, tmp_path, said, SUBTITLE_FORMATS=FORMATS, SUBTITLE_MAX_LINE_LENGTH="100")
    texts = {form: (ended.folder / f"film.en.{form}").read_text() for form in ("srt", "vtt", "ass")}
    for form, read in (("srt", read_srt), ("vtt", read_vtt), ("ass", read_ass)):
        (cue,) = read(texts[form])
        assert " ".join(cue.lines) == SIGNS
    in_srt = texts["srt"].splitlines()[2]
    for codec, ending in (("mov_text", "mp4"), ("webvtt", "webm"), ("srt", "mkv")):
        convert = f"ffmpeg -v error -y -i /films/film.en.srt -c:s {codec} /films/x.{ending}"
        back = f"{convert} && ffmpeg -v error -i /films/x.{ending} -f srt -"
        assert in_srt in stages.in_ffmpeg_image(["sh", "-c", back], ended.folder).splitlines()


def test_the_same_transcript_always_gives_the_same_bytes(stages: Stages, tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        ended = write(stages, tmp_path / name, spoken(HELLO), SUBTITLE_FORMATS=FORMATS)
        outputs = [*sorted(ended.folder.glob("film.*")), ended.folder / "quality.json"]
        files.append([file.read_bytes() for file in outputs])
    assert len(files[0]) == 4
    assert files[0] == files[1]


def test_ten_thousand_segments_fit_into_the_stages_memory(stages: Stages, tmp_path: Path) -> None:
    said = [Segment(n * 5.0, n * 5.0 + 4, "The water came up in the night.") for n in range(10_000)]
    (tmp_path / "06_asr").mkdir()
    write_transcript(Transcript("en", tuple(said)), tmp_path / "06_asr" / "segments.json")
    ended = stages.run("09_subtitle_gen", tmp_path, SUBTITLE_FORMATS="vtt")
    assert ended.exit_code == 0, ended.output
    assert report(ended)["cues"] == 10_000


@pytest.mark.parametrize(
    ("transcript", "reason"),
    [
        ("", "segments.json is no transcript: the file"),
        ([], "segments.json is no transcript: language"),
        (spoken(HELLO, {**HELLO, "start": None}), "segments[1]: ValueError: None is no"),
        (spoken({**HELLO, "end": float("nan")}), "segments[0]: ValueError: nan is no"),
        (spoken({**HELLO, "start": 360000, "end": 360001}), "A cue after 99:59:59"),
    ],
)
def test_what_is_no_transcript_fails_with_the_place(
    stages: Stages, tmp_path: Path, transcript: object, reason: str
) -> None:
    ended = write(stages, tmp_path, transcript)
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert reason in ended.errors


def test_other_bad_inputs_and_settings_are_named(stages: Stages, tmp_path: Path) -> None:
    lay(tmp_path, "08_translation/segments_en.json", spoken(HOLA))
    ended = write(stages, tmp_path, spoken(HELLO))
    assert "segments_en.json is the second transcript in 'en'" in ended.errors
    lay(tmp_path, "05_vad/segments.json", "nothing")
    assert "no list of speech" in stages.run("09_subtitle_gen", tmp_path).errors
    ended = stages.run("09_subtitle_gen", tmp_path, SUBTITLE_FORMATS="srt,doc")
    assert "SUBTITLE_FORMATS names doc" in ended.errors
    ended = stages.run(
        "09_subtitle_gen", tmp_path, SUBTITLE_MIN_DURATION="5", SUBTITLE_MAX_DURATION="2"
    )
    assert "Swap them" in ended.errors
