"""Stage 08 with Apertium, in its parent image."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.glossary import Term
from tests.stages.containers import Ended, Stages
from tests.stages.translation_jobs import new_translation_job, segments_of, texts_of

pytestmark = [pytest.mark.images, pytest.mark.engine]

TERMS = (
    Term("Frodo", aliases=("Mr. Underhill",)),
    Term("Ring-bearer", targets={"es": "Portador del Anillo"}),
    Term("the Shire", targets={"es": "la Comarca", "ca": "la Comarca"}),
    Term("Pony", targets={"es": "FALSE"}),
    Term("Prancing Pony", targets={"es": "Poni Pisador"}),
)
SAID = {
    "terms": "Frodo's sword is at the Prancing  Pony in the Shire.",
    "alias": "Mr. Underhill is the ring-bearer, and Frodo is the Ring-bearer.",
    "title": "Hello, Mr. Smith.",
    "okay": "Okay.",
    "unknown": "Blorptang, schnurkel!",
    "arabic": "مرحبا بالعالم",
    "known": "FBI",
    "sign": "♪",
    "number": "12:30",
    "empty": "",
    "long word": "I said " + "x" * 100_000,
    "long text": "I saw the house. " * 600,
    "one sentence": "the house is red and " * 100,
    "lines": "I am here.\nWhere are you?",
    "address": "Blorpo, are you crazy?",
    "control": "The\0house\x1b is\ud800 red.",
}
MARKED_UP = (
    "<i>The house</i>",
    "{\\an8}The house",
    "The house [here] {there}",
    "The house --> here",
    "^The$ house/river\\tree",
    "*The house*",
    "The \"house\" & the 'river'",
    "🙂 The house 🙂",
    "♪ The house ♪",
    "\u202bThe house\u202c",
    "Me @ the house #1",
    "The house 100% < $5.50",
)
# Without full stops, sentences would run into each other if they could.
UNENDED = (
    "the man that was here",
    "go to the house and take",
    "old dogs",
    "when he comes the train",
    "leaves fall from the trees and",
    "the red",
    "I want to be",
)


@pytest.fixture(scope="module")
def translated(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """What is said in SAID and MARKED_UP, in Spanish and in Catalan."""
    job = new_translation_job(
        tmp_path_factory.mktemp("translated"), [*SAID.values(), *MARKED_UP], TERMS
    )
    return stages.run("08_translation", job, TARGET_LANGUAGES="es ca en")


def spanish(ended: Ended, name: str) -> str:
    text: str = segments_of(ended, "es")[list(SAID).index(name)]["text"]
    return text


def test_each_language_has_its_files_and_the_spoken_one_none(translated: Ended) -> None:
    assert translated.exit_code == 0, translated.output
    assert sorted((entry["name"], entry["path"]) for entry in translated.manifest["outputs"]) == [
        ("segments", "08_translation/segments_ca.json"),
        ("segments", "08_translation/segments_es.json"),
        ("text", "08_translation/transcript_ca.txt"),
        ("text", "08_translation/transcript_es.txt"),
    ]
    assert "Nothing is translated into en" in translated.warnings
    lines = (translated.folder / "transcript_es.txt").read_text().splitlines()
    assert lines[2] == "Hola, Señor Herrero."
    assert len(lines) == len(SAID) + len(MARKED_UP)


def test_segments_keep_their_times_and_their_source(translated: Ended) -> None:
    segment = segments_of(translated, "ca")[2]
    assert segment == {
        "start": 4.0,
        "end": 5.5,
        "text": "Hola, Senyor Ferrer.",
        "words": [],
        "source_text": "Hello, Mr. Smith.",
    }


def test_terms_stand_in_the_translation_as_the_glossary_wants(translated: Ended) -> None:
    assert spanish(translated, "terms") == "La espada de Frodo es en el Poni Pisador en la Comarca."
    said = "Mr. Underhill es el Portador del Anillo, y Frodo es el Portador del Anillo."
    assert spanish(translated, "alias") == said
    assert texts_of(translated, "ca")[0] == "l'espasa de Frodo és al Prancing Pony en la Comarca."


def test_another_glossary_gives_another_translation(stages: Stages, tmp_path: Path) -> None:
    texts = ["I saw the station.", "Go!"]
    plain = stages.run(
        "08_translation", new_translation_job(tmp_path / "a", texts), TARGET_LANGUAGES="es"
    )
    terms = [Term("station", targets={"es": "estación de tren"})]
    job = new_translation_job(tmp_path / "b", texts, terms)
    kept = stages.run("08_translation", job, TARGET_LANGUAGES="es")
    assert "estación" not in texts_of(plain, "es")[0]
    assert texts_of(kept, "es")[0].endswith("estación de tren.")
    assert texts_of(kept, "es")[1] == texts_of(plain, "es")[1]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("unknown", "Apertium does not know Blorptang, schnurkel"),
        ("arabic", "Apertium does not know مرحبا, بالعالم"),
        ("long word", "it has a word that is too long"),
    ],
)
def test_what_is_not_translated_is_empty_and_says_why(
    translated: Ended, name: str, reason: str
) -> None:
    segment = segments_of(translated, "es")[list(SAID).index(name)]
    assert (segment["text"], segment["untranslated"]) == ("", reason)
    assert segment["source_text"] == SAID[name]


def test_what_is_not_translated_is_counted(translated: Ended) -> None:
    assert translated.manifest["untranslated"] == {"es": 3, "ca": 3}
    total = len(SAID) + len(MARKED_UP)
    assert f"3 of {total} segments have no translation into es: at 8.0 s" in translated.warnings


@pytest.mark.parametrize("name", ["known", "sign", "number", "empty"])
def test_what_is_alike_in_both_languages_stays(translated: Ended, name: str) -> None:
    assert spanish(translated, name) == SAID[name]


def test_okay_survives_where_the_dictionary_lacks_it(translated: Ended) -> None:
    index = list(SAID).index("okay")
    assert spanish(translated, "okay") == "Vale."
    assert texts_of(translated, "ca")[index] == "Okay."


def test_nothing_of_a_long_text_is_lost(translated: Ended) -> None:
    assert spanish(translated, "long text") == " ".join(["Vi la casa."] * 600)
    assert spanish(translated, "one sentence").lower().count("casa") == 100
    assert spanish(translated, "lines") == "Soy aquí. ¿Dónde eres?"
    assert spanish(translated, "control") == "La casa es� roja."


def test_a_question_is_opened_behind_the_one_whom_it_asks(translated: Ended) -> None:
    assert spanish(translated, "address") == "Blorpo, ¿eres loco?"


@pytest.mark.parametrize("language", ["es", "ca"])
@pytest.mark.parametrize("text", MARKED_UP)
def test_signs_of_all_kinds_survive(translated: Ended, language: str, text: str) -> None:
    found = texts_of(translated, language)[len(SAID) + MARKED_UP.index(text)]
    assert "cas" in found
    signs = [sign for sign in text if not sign.isalnum() and not sign.isspace() and sign != "&"]
    assert sorted(sign for sign in found if sign in signs) == sorted(signs)


def test_ten_thousand_segments_are_translated_each_by_itself(
    stages: Stages, tmp_path: Path
) -> None:
    # Orders that change from round to round give each text other neighbours.
    texts = [UNENDED[(number * (1 + number // 7 % 6)) % 7] for number in range(10_000)]
    job = new_translation_job(tmp_path, texts)
    found = texts_of(stages.run("08_translation", job, TARGET_LANGUAGES="es"), "es")
    assert len(found) == 10_000
    assert len(set(zip(texts, found, strict=True))) == 7
    assert all(found)


def test_a_pair_that_is_missing_stops_before_any_work(stages: Stages, tmp_path: Path) -> None:
    job = new_translation_job(tmp_path, ["Hello."])
    ended = stages.run("08_translation", job, TARGET_LANGUAGES="es fr")
    assert ended.exit_code == 1
    assert ended.manifest["errors"][0]["exception_type"] == "EngineError"
    assert "from en into fr. It has cat-eng, eng-cat, eng-spa, spa-eng" in ended.errors
    assert ended.manifest["outputs"] == []


@pytest.mark.parametrize(
    ("wish", "reason"),
    [("", "TARGET_LANGUAGES names no language"), ("en-GB", "nothing to translate into but")],
)
def test_without_another_language_the_stage_is_skipped(
    stages: Stages, tmp_path: Path, wish: str, reason: str
) -> None:
    job = new_translation_job(tmp_path, ["Hello."])
    ended = stages.run("08_translation", job, TARGET_LANGUAGES=wish)
    assert (ended.exit_code, ended.manifest["status"]) == (0, "skipped")
    assert reason in ended.manifest["reason"]


def test_nothing_said_is_an_empty_translation_with_a_warning(
    stages: Stages, tmp_path: Path
) -> None:
    ended = stages.run("08_translation", new_translation_job(tmp_path, []), TARGET_LANGUAGES="es")
    assert texts_of(ended, "es") == []
    assert (ended.folder / "transcript_es.txt").read_bytes() == b""
    assert "The transcript is empty" in ended.warnings


@pytest.mark.parametrize(
    ("stage", "file", "error"),
    [
        ("06_asr", "segments.json", "TranscriptError"),
        ("03_glossary_load", "terms.json", "GlossaryError"),
    ],
)
def test_a_broken_file_of_an_earlier_stage_is_named(
    stages: Stages, tmp_path: Path, stage: str, file: str, error: str
) -> None:
    job = new_translation_job(tmp_path, ["Hello."], TERMS)
    (job / stage / file).write_text(json.dumps({"language": "en", "segments": [{}], "terms": 1}))
    ended = stages.run("08_translation", job, TARGET_LANGUAGES="es")
    assert ended.exit_code == 1
    assert ended.manifest["errors"][0]["exception_type"] == error
    assert file in ended.errors


def test_the_same_transcript_gives_the_same_bytes(
    stages: Stages, tmp_path: Path, translated: Ended
) -> None:
    job = new_translation_job(tmp_path, [*SAID.values(), *MARKED_UP], TERMS)
    again = stages.run("08_translation", job, TARGET_LANGUAGES="es")
    for name in ("segments_es.json", "transcript_es.txt"):
        assert (again.folder / name).read_bytes() == (translated.folder / name).read_bytes()
