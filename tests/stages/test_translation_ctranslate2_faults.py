"""Stage 08 with CTranslate2, where the model lacks a language or a file, or is broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.stages.containers import Setup, Stages
from tests.stages.translation_jobs import (
    make_translation_models,
    new_translation_job,
    texts_of,
    translate,
)

pytestmark = [pytest.mark.images, pytest.mark.engine]


@pytest.fixture(scope="module")
def models(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert stages is not None  # asked for because it skips where there are no images
    return make_translation_models(tmp_path_factory.mktemp("models"))


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


@pytest.mark.parametrize("file", ["config.json", "target_vocabulary.json"])
def test_files_that_only_the_library_reads_are_missed_as_stage_yaml_says(
    stages: Stages, models: Path, tmp_path: Path, file: str
) -> None:
    model = tmp_path / "models" / "translation" / "nllb"
    shutil.copytree(models / "translation" / "nllb", model)
    shared = model / "shared_vocabulary.json"
    for side in ("source", "target"):
        shutil.copy(shared, model / f"{side}_vocabulary.json")
    shared.unlink()
    job = new_translation_job(tmp_path / "job", ["Where is the house?"])
    whole = translate(stages, tmp_path / "models", job)
    assert texts_of(whole, "es") == ["WHERE IS THE HOUSE?"]
    (model / file).unlink()
    ended = translate(stages, tmp_path / "models", job)
    assert ended.exit_code == 1
    assert "cannot load the model" in ended.errors


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
