"""Stage 08 with CTranslate2 itself, on models whose translation is the source in capitals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from shared.glossary import Term
from tests.stages.containers import Ended, Stages
from tests.stages.translation_jobs import (
    LONGEST,
    make_translation_models,
    new_translation_job,
    segments_of,
    texts_of,
    translate,
)

pytestmark = [pytest.mark.images, pytest.mark.engine]

TERMS: Final = (
    Term("Frodo", targets={"es": "Frodo Bolsón"}),
    Term("the station", targets={"es": "la estación"}),
)
SAID: Final = {
    "question": "Where is the house?",
    "term": "Frodo said that the station is old.",
    "decorated": "{\\an8}<i>♪ We are here! ♪</i> 🙂",
    "sentences": "I have lost my keys. Please look!",
    "okay": "OK.",
    "sign": "♪",
    "empty": "",
    "control": "the\0house\nis old",
    "long": "The train leaves in ten minutes. " * 40,
    "long word": "x" * 100_000,
    "unknown": "مرحبا",
    "alike": "ALL THIS IS GIVEN BACK",
    "short and alike": "THE HOUSE IS!",
    "one word": "HE, HE, HE!",
}


@pytest.fixture(scope="module")
def models(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert stages is not None  # asked for because it skips where there are no images
    return make_translation_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def translated(stages: Stages, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """What is said in SAID, by the NLLB model."""
    job = new_translation_job(tmp_path_factory.mktemp("job"), list(SAID.values()), TERMS)
    return translate(stages, models, job, TARGET_LANGUAGES="es ca")


def spanish(ended: Ended, name: str) -> str:
    return texts_of(ended, "es")[list(SAID).index(name)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("question", "WHERE IS THE HOUSE?"),
        ("term", "Frodo Bolsón SAID THAT la estación IS OLD."),
        ("decorated", "{\\an8}<i>♪ WE ARE HERE! ♪</i> 🙂"),
        ("sentences", "I HAVE LOST MY KEYS. PLEASE LOOK!"),
        ("okay", "OK."),
        ("one word", "HE, HE, HE!"),
        ("sign", "♪"),
        ("empty", ""),
        ("control", "THE HOUSE IS OLD"),
        ("long", " ".join(["THE TRAIN LEAVES IN TEN MINUTES."] * 40)),
    ],
)
def test_what_is_said_comes_back_translated_and_whole(
    translated: Ended, name: str, text: str
) -> None:
    assert spanish(translated, name) == text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("long word", "it has a word that is too long"),
        ("unknown", "the model knows none of its characters"),
        ("alike", "the model gave it back as it was"),
        ("short and alike", "the model gave it back as it was"),
    ],
)
def test_what_is_not_translated_is_empty_and_says_why(
    translated: Ended, name: str, reason: str
) -> None:
    segment = segments_of(translated, "es")[list(SAID).index(name)]
    assert (segment["text"], segment["untranslated"]) == ("", reason)
    assert translated.manifest["untranslated"] == {"es": 4, "ca": 4}


def test_each_target_language_has_its_own_terms(translated: Ended) -> None:
    assert texts_of(translated, "ca")[1] == "Frodo SAID THAT the station IS OLD."
    text = (translated.folder / "transcript_ca.txt").read_text().splitlines()
    assert text[1] == "Frodo SAID THAT the station IS OLD."


def test_segments_keep_their_places_in_small_batches(
    stages: Stages, models: Path, tmp_path: Path
) -> None:
    # Lengths differ, because the library sorts by length before it makes batches.
    texts = [f"I have {number} {'old ' * (number % 5)}keys." for number in range(450)]
    job = new_translation_job(tmp_path, texts)
    ended = translate(stages, models, job, TRANSLATION_BATCH_TOKENS="64", TRANSLATION_BEAM_SIZE="1")
    assert texts_of(ended, "es") == [" ".join(text.upper().split()) for text in texts]
    assert ended.manifest["config"]["TRANSLATION_BATCH_TOKENS"] == 64
    assert ended.manifest["untranslated"] == {"es": 0}


@pytest.mark.parametrize(
    ("model", "convention", "languages"),
    [
        ("m2m", "auto", ("es", "ca")),
        ("marian", "auto", ("de",)),
        ("pairs", "marian", ("es", "pt-BR")),
        ("pairs", "auto", ("pt-BR",)),
    ],
)
def test_other_conventions_are_kept_as_well(
    stages: Stages,
    models: Path,
    tmp_path: Path,
    model: str,
    convention: str,
    languages: tuple[str, ...],
) -> None:
    job = new_translation_job(tmp_path, ["Where is the house?", "Frodo is here."], TERMS)
    ended = translate(
        stages,
        models,
        job,
        TRANSLATION_MODEL=model,
        TRANSLATION_CONVENTION=convention,
        TARGET_LANGUAGES=" ".join(languages),
    )
    for language in languages:
        first, second = texts_of(ended, language)
        assert first == "WHERE IS THE HOUSE?"
        assert second == ("Frodo Bolsón IS HERE." if language == "es" else "Frodo IS HERE.")


# The processor decides which of the two libraries CTranslate2 multiplies with.
@pytest.mark.parametrize("mkl", ["0", "1"], ids=["oneDNN", "MKL"])
def test_the_beam_and_the_limit_of_tokens_reach_the_engine(
    stages: Stages, models: Path, tmp_path: Path, mkl: str
) -> None:
    # The model takes a wrong turn at "perhaps" unless it may weigh a second hypothesis.
    job = new_translation_job(tmp_path, ["perhaps I have lost my keys.", "Please look!"])

    def translated_with(**config: str) -> Ended:
        return translate(stages, models, job, CT2_USE_MKL=mkl, **config)

    wide = translated_with(TRANSLATION_BEAM_SIZE="2")
    assert texts_of(wide, "es") == ["PERHAPS I HAVE LOST MY KEYS.", "PLEASE LOOK!"]
    narrow = translated_with(TRANSLATION_BEAM_SIZE="1")
    first, second = segments_of(narrow, "es")
    assert (first["text"], first["untranslated"]) == ("", "the model did not come to an end")
    assert second["text"] == "PLEASE LOOK!"
    # Longer than its positions: the library refuses the batch, and only this text is at fault.
    refused = translated_with(TRANSLATION_BEAM_SIZE="1", TRANSLATION_MAX_TOKENS="200")
    first, second = segments_of(refused, "es")
    assert "positions >= 128" in first["untranslated"]
    assert second["text"] == "PLEASE LOOK!"


def test_the_type_of_numbers_is_the_one_asked_for(
    stages: Stages, models: Path, tmp_path: Path
) -> None:
    job = new_translation_job(tmp_path, ["Where is the house?"])
    ended = translate(stages, models, job, TRANSLATION_COMPUTE_TYPE="float32")
    assert texts_of(ended, "es") == ["WHERE IS THE HOUSE?"]
    assert "float32 on cpu" in (ended.folder / "stage.log").read_text()


def test_settings_are_on_record(translated: Ended) -> None:
    config = translated.manifest["config"]
    assert config["TRANSLATION_MODEL"] == "nllb"
    assert config["TRANSLATION_MAX_TOKENS"] == int(LONGEST)
    assert (config["TRANSLATION_DEVICE"], config["TRANSLATION_COMPUTE_TYPE"]) == ("cpu", "int8")
    assert json.dumps(config["TARGET_LANGUAGES"]) == '["es", "ca"]'
