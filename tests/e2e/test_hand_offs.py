"""Every hand-off between stages, walked with real files; and what each changes further down."""

import json
import wave
from pathlib import Path
from typing import Any, Final

import pytest

from runner.project.pipeline import JOB_INPUT
from tests.e2e.conftest import Demo
from tests.e2e.hand_offs import PROJECT, Edge, Middle, edges, record_of, results
from tests.project_kit import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.images]

SPEECH: Final = ROOT / "tests" / "media" / "speech"
MASTER: Final = "source\tes\nvillage\tpueblo\nriver\trío\n"


@pytest.fixture
def middle(demo: Demo, tmp_path: Path) -> Middle:
    return Middle(demo, tmp_path)


def words_of(transcript: dict[str, Any]) -> str:
    return " ".join(segment["text"] for segment in transcript["segments"])


def load(job: Path, path: str) -> Any:
    return json.loads((job / path).read_text())


WALKED_BY_THE_DEMO: Final = [
    edge for edge in edges() if not edge.before and edge.source.stage != JOB_INPUT
]
FALLBACKS: Final = [edge for edge in edges() if edge.before]
FURTHER_INPUTS: Final = {
    "glossary_master": MASTER,
    "glossary_learned": "source\tes\tconfidence\nriver\trío\t0.9\n",
    "transcript": "Good evening, and welcome to our short story about the river.\n",
}


@pytest.mark.parametrize("edge", WALKED_BY_THE_DEMO, ids=str)
def test_the_demo_hands_on_what_was_declared_with_the_digest_of_its_maker(
    demo: Demo, edge: Edge
) -> None:
    made = {
        file["path"]: file["checksum"]
        for file in record_of(demo.job, edge.source.stage)["outputs"]
        if file["name"] == edge.source.output
    }
    got = {
        file["path"]: file["checksum"]
        for file in record_of(demo.job, edge.stage)["inputs"]
        if file["name"] == edge.input
    }
    assert made == got
    assert made


@pytest.mark.parametrize("edge", FALLBACKS, ids=str)
def test_where_the_better_source_is_missing_the_next_one_is_taken(
    middle: Middle, edge: Edge
) -> None:
    missing = tuple(map(str, edge.before))
    job = middle.run(edge.stage, without=missing, settings={"TARGET_LANGUAGES": "es"})
    taken = [file for file in record_of(job, edge.stage)["inputs"] if file["name"] == edge.input]
    assert [job / file["path"] for file in taken] == results(job, edge.source)


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        (stage.id, source.output)
        for stage in PROJECT.stages.values()
        for item in stage.inputs
        for source in item.sources
        if source.stage == JOB_INPUT and source.output in FURTHER_INPUTS
    ],
)
def test_a_file_of_the_job_reaches_the_stage_that_reads_it(
    middle: Middle, tmp_path: Path, stage: str, name: str
) -> None:
    file = tmp_path / f"{name}.txt"
    file.write_text(FURTHER_INPUTS[name])
    job = middle.run(stage, inputs={name: file})
    assert f"input/{name}.txt" in [item["path"] for item in record_of(job, stage)["inputs"]]


def test_what_is_no_speech_is_not_listened_to(demo: Demo, middle: Middle) -> None:
    all_heard = words_of(load(demo.job, "06_asr/segments.json"))

    def first_only(found: dict[str, Any]) -> dict[str, Any]:
        return {**found, "segments": found["segments"][:1]}

    job = middle.run("06_asr", middle.change("05_vad/segments", first_only))
    heard = words_of(load(job, "06_asr/segments.json"))
    assert 0 < len(heard) < len(all_heard) / 2


def test_separated_speech_is_what_is_listened_to(middle: Middle, tmp_path: Path) -> None:
    other = tmp_path / "speech.wav"
    with wave.open(str(other), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", "not compressed"))
        file.writeframes((SPEECH / "goforward.raw").read_bytes())
    job = middle.run("06_asr", {"04_source_separation/speech": other}, without=("05_vad/segments",))
    assert words_of(load(job, "06_asr/segments.json")) == "Go forward ten meters."


def test_the_glossary_decides_how_a_term_is_translated(middle: Middle, tmp_path: Path) -> None:
    glossary = tmp_path / "glossary.tsv"
    glossary.write_text("source\tes\nvillage\tpoblado\n")
    terms = middle.run("03_glossary_load", inputs={"glossary": glossary})
    settings = {"TARGET_LANGUAGES": "es"}
    changed = {"03_glossary_load/terms": terms / "03_glossary_load" / "terms.json"}
    job = middle.run("08_translation", changed, settings=settings)
    text = (job / "08_translation" / "transcript_es.txt").read_text()
    assert "poblado" in text
    assert "aldea" not in text


def test_cues_show_when_the_aligned_words_are_spoken(demo: Demo, middle: Middle) -> None:
    def a_second_later(found: dict[str, Any]) -> dict[str, Any]:
        for segment in found["segments"]:
            for part in (segment, *segment["words"]):
                part["start"], part["end"] = part["start"] + 1, part["end"] + 1
        return found

    job = middle.run(
        "09_subtitle_gen",
        middle.change("07_alignment/segments", a_second_later),
        without=("05_vad/segments", "08_translation/segments"),
    )
    (before,) = (demo.job / "09_subtitle_gen").glob("*.en.srt")
    (after,) = (job / "09_subtitle_gen").glob("*.en.srt")
    moved = _first_start_ms(after) - _first_start_ms(before)
    assert abs(moved - 1000) <= 80


def _first_start_ms(srt: Path) -> int:
    time = srt.read_text().splitlines()[1].split(" --> ")[0]
    hours, minutes, rest = time.split(":")
    seconds, milliseconds = rest.split(",")
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(milliseconds)


def test_cues_show_the_text_as_it_was_mended(middle: Middle) -> None:
    def mended(found: dict[str, Any]) -> dict[str, Any]:
        found["segments"][0]["text"] = "Mended by hand."
        found["segments"][0]["words"] = []
        return found

    job = middle.run(
        "09_subtitle_gen",
        middle.change("07_alignment/segments", mended),
        without=("08_translation/segments",),
    )
    (srt,) = (job / "09_subtitle_gen").glob("*.en.srt")
    assert "Mended by hand." in srt.read_text()


def test_a_translation_becomes_the_cues_of_its_language(middle: Middle) -> None:
    def mended(found: dict[str, Any]) -> dict[str, Any]:
        found["segments"][0]["text"] = "Corregido a mano."
        return found

    changed = middle.change("08_translation/segments", mended)
    job = middle.run("09_subtitle_gen", changed)
    (srt,) = (job / "09_subtitle_gen").glob("*.es.srt")
    assert "Corregido a mano." in srt.read_text()
