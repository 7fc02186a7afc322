"""Stage 06 with Whisper, where something is wrong with the model, the settings or the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stages.asr_kit import PAUSE, make_models, put_sound, sound, transcript, whisper
from tests.stages.containers import Setup, Stages

pytestmark = [pytest.mark.images, pytest.mark.engine]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good model, one for English, and four that are each broken in their own way."""
    store = make_models(
        tmp_path_factory.mktemp("store") / "models",
        small="",
        english="--english-only",
        cut="",
        garbled="",
        bare="--mels 128",
        wordless="",
    )
    cut = store / "whisper" / "cut" / "model.bin"
    cut.write_bytes(cut.read_bytes()[:10_000])
    (store / "whisper" / "garbled" / "tokenizer.json").write_text("{")
    (store / "whisper" / "bare" / "preprocessor_config.json").unlink()
    (store / "whisper" / "wordless" / "vocabulary.json").unlink()
    return store


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A second of silence: nothing here is ever listened to."""
    put_sound(tmp_path, PAUSE)
    return tmp_path


@pytest.mark.parametrize(
    ("config", "kind", "said"),
    [
        ({"ASR_MODEL": "none"}, "ModelError", "is not there; it should hold model.bin"),
        ({"ASR_MODEL": "cut"}, "ModelError", "cannot be read"),
        ({"ASR_MODEL": "garbled"}, "ModelError", "cannot be read"),
        ({"ASR_MODEL": "wordless"}, "ModelError", "lacks vocabulary.json or vocabulary.txt"),
        ({"ASR_MODEL": "bare"}, "ModelError", "wants 128 mel bands, and would get 80"),
        (
            {"ASR_MODEL": "english", "SOURCE_LANGUAGE": "auto"},
            "UnsupportedLanguageError",
            "English",
        ),
        ({"SOURCE_LANGUAGE": "tlh"}, "UnsupportedLanguageError", "It knows auto and af, am, ar"),
        ({"ASR_COMPUTE_TYPE": "float16"}, "SettingError", "ASR_COMPUTE_TYPE float16"),
        ({"ASR_DEVICE": "cuda"}, "DeviceError", "has no GPU that can be used"),
        ({"ASR_ENGINE": "pocketsphinx"}, "EngineMissingError", "No module named 'pocketsphinx'"),
    ],
)
def test_what_is_wrong_is_said_by_its_name(
    stages: Stages, job: Path, models: Path, config: dict[str, str], kind: str, said: str
) -> None:
    ended = whisper(stages, job, models, **config)
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert ended.manifest["errors"][0]["exception_type"] == kind
    assert said in ended.errors
    assert "Traceback" not in ended.output


def test_an_english_model_hears_english(stages: Stages, tmp_path: Path, models: Path) -> None:
    put_sound(tmp_path, PAUSE + sound("goforward.raw") + PAUSE)
    found = transcript(whisper(stages, tmp_path, models, ASR_MODEL="english"))
    assert found["language"] == "en"
    assert found["segments"][0]["text"] == "Hello from the scripted model."


def test_the_embedded_image_says_that_it_has_no_whisper(stages: Stages, job: Path) -> None:
    ended = stages.run("06_asr", job, Setup(), ASR_ENGINE="whisper")
    assert ended.manifest["errors"][0]["exception_type"] == "EngineMissingError"
    assert "variant main" in ended.errors
