"""Stage 08 with CTranslate2 itself, on models whose translation is the source in capitals."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Final

import docker
import pytest
from docker.types import Mount

from shared.glossary import Term
from tests.stages.containers import ROOT, Ended, Setup, Stages
from tests.stages.translation_jobs import new_translation_job, segments_of, texts_of

pytestmark = [pytest.mark.images, pytest.mark.engine]

IMAGE: Final = "stagerun/parent-mt-ct2:current"
# The models have 128 positions; this leaves room for a translation twice as long.
LONGEST: Final = "40"
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
    """A model store with a model of each convention."""
    assert stages is not None  # asked for because it skips where there are no images
    folder = tmp_path_factory.mktemp("models")
    recipe = "for kind in nllb m2m marian; do python3 /media/scripted_translator.py"
    recipe += " /models/translation/$kind $kind || exit; done"
    client = docker.from_env()
    client.containers.run(
        IMAGE,
        ["sh", "-c", recipe],
        mounts=[
            Mount("/models", str(folder), type="bind"),
            Mount("/media", str(ROOT / "tests" / "media"), type="bind", read_only=True),
        ],
        user=f"{os.getuid()}:{os.getgid()}",
        environment={"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"},
        network_mode="none",
        remove=True,
    )
    client.close()
    pairs = folder / "translation" / "pairs"
    for pair in ("en-es", "en-pt-BR"):
        shutil.copytree(folder / "translation" / "marian", pairs / pair)
    return folder


def translate(stages: Stages, models: Path, job: Path, **config: str) -> Ended:
    settings = {
        "TRANSLATION_ENGINE": "ctranslate2",
        "TRANSLATION_MODEL": "nllb",
        "TRANSLATION_MAX_TOKENS": LONGEST,
        "TARGET_LANGUAGES": "es",
    }
    return stages.run(
        "08_translation", job, Setup(variant="cpu", models=models), **{**settings, **config}
    )


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


def test_the_beam_and_the_limit_of_tokens_reach_the_engine(
    stages: Stages, models: Path, tmp_path: Path
) -> None:
    # The model takes a wrong turn at "perhaps" unless it may weigh a second hypothesis.
    job = new_translation_job(tmp_path, ["perhaps I have lost my keys.", "Please look!"])
    wide = translate(stages, models, job, TRANSLATION_BEAM_SIZE="2")
    assert texts_of(wide, "es") == ["PERHAPS I HAVE LOST MY KEYS.", "PLEASE LOOK!"]
    narrow = translate(stages, models, job, TRANSLATION_BEAM_SIZE="1")
    first, second = segments_of(narrow, "es")
    assert (first["text"], first["untranslated"]) == ("", "the model did not come to an end")
    assert second["text"] == "PLEASE LOOK!"
    # Longer than its positions: the library refuses the batch, and only this text is at fault.
    refused = translate(
        stages, models, job, TRANSLATION_BEAM_SIZE="1", TRANSLATION_MAX_TOKENS="200"
    )
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


@pytest.mark.parametrize(
    ("language", "config", "reason"),
    [
        ("en", {"TARGET_LANGUAGES": "es hi"}, "NLLB model has no language hi. It has cat_Latn"),
        ("hi", {}, "NLLB model has no language hi"),
        (
            "en",
            {"TARGET_LANGUAGES": "de", "TRANSLATION_MODEL": "m2m"},
            "M2M model has no language de. It has __ca__",
        ),
        (
            "en",
            {"TRANSLATION_MODEL": "pairs", "TRANSLATION_CONVENTION": "marian",
             "TARGET_LANGUAGES": "fr"},
            "no Marian model from en into fr; it has en-es, en-pt-BR",
        ),
        ("en", {"TRANSLATION_MODEL": "gone"}, "/models/translation/gone is incomplete"),
    ],
)  # fmt: skip
def test_a_model_that_lacks_a_language_is_never_used_for_another(
    stages: Stages,
    models: Path,
    tmp_path: Path,
    language: str,
    config: dict[str, str],
    reason: str,
) -> None:
    job = new_translation_job(tmp_path, ["Where is the house?"], language=language)
    ended = translate(stages, models, job, **config)
    assert ended.exit_code == 1
    assert ended.manifest["errors"][0]["exception_type"] == "EngineError"
    assert reason in ended.errors
    assert ended.manifest["outputs"] == []


def broken_model(models: Path, folder: Path, file: str, size: int) -> Path:
    shutil.copytree(models / "translation" / "nllb", folder / "translation" / "nllb")
    path = folder / "translation" / "nllb" / file
    path.write_bytes(path.read_bytes()[:size])
    return folder


@pytest.mark.parametrize(
    ("file", "size", "reason"),
    [
        ("model.bin", 0, "cannot load the model"),
        ("model.bin", 2_000_000, "cannot load the model"),
        ("sentencepiece.bpe.model", 0, "SentencePiece cannot read"),
        ("sentencepiece.bpe.model", 1000, "is cut off, or of another model"),
        ("shared_vocabulary.json", 1000, "is no vocabulary"),
    ],
)
def test_a_model_that_is_cut_off_is_refused(
    stages: Stages, models: Path, tmp_path: Path, file: str, size: int, reason: str
) -> None:
    store = broken_model(models, tmp_path / "models", file, size)
    job = new_translation_job(tmp_path / "job", ["Where is the house?"])
    ended = translate(stages, store, job)
    assert ended.exit_code == 1
    assert ended.manifest["errors"][0]["exception_type"] == "EngineError"
    assert reason in ended.errors


def test_the_image_without_the_library_says_so(
    stages: Stages, models: Path, tmp_path: Path
) -> None:
    job = new_translation_job(tmp_path, ["Where is the house?"])
    ended = stages.run(
        "08_translation",
        job,
        Setup(variant="main", models=models),
        TARGET_LANGUAGES="es",
        TRANSLATION_ENGINE="ctranslate2",
        TRANSLATION_MODEL="nllb",
    )
    assert ended.exit_code == 1
    assert "variant main" in ended.errors


def test_settings_are_on_record(translated: Ended) -> None:
    config = translated.manifest["config"]
    assert config["TRANSLATION_MODEL"] == "nllb"
    assert config["TRANSLATION_MAX_TOKENS"] == int(LONGEST)
    assert (config["TRANSLATION_DEVICE"], config["TRANSLATION_COMPUTE_TYPE"]) == ("cpu", "int8")
    assert json.dumps(config["TARGET_LANGUAGES"]) == '["es", "ca"]'
