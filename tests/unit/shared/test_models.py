"""Where a stage finds its models, which variant it is, and what its manifest says of both."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.errors import UndeclaredError
from shared.stage_utils import StageIO

Read = Callable[[Path], dict[str, Any]]
Start = Callable[..., Path]
MODEL = {"folder": "/models/whisper/small", "files": {"model.bin": "sha256:" + "ab" * 32}}


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """Makes the process look like a stage's script with a baked spec beside it."""

    def write(spec: dict[str, Any]) -> None:
        folder = tmp_path / "app" / "06_asr"
        folder.mkdir(parents=True)
        (folder / "spec.json").write_text(
            json.dumps({"stage_id": "06_asr", "project_stages": [], **spec})
        )
        main = sys.modules["__main__"]
        monkeypatch.setattr(main, "__file__", str(folder / "stage.py"), raising=False)

    return write


def test_the_runner_says_where_a_model_is(runner: Start) -> None:
    runner(models={"whisper": MODEL})
    assert StageIO().model("whisper") == Path("/models/whisper/small")


def test_the_manifest_has_the_models_with_their_digests(runner: Start, read: Read) -> None:
    runner(models={"whisper": MODEL})
    io = StageIO()
    io.finalize()
    assert read(io.stage_dir)["models"] == {"whisper": MODEL}


def test_a_stage_without_models_says_nothing_of_them(runner: Start, read: Read) -> None:
    runner()
    io = StageIO()
    io.finalize(models="mine")
    manifest = read(io.stage_dir)
    assert "models" not in manifest
    assert manifest["extra"] == {"models": "mine"}


def test_a_model_that_these_settings_do_not_need_is_refused(runner: Start) -> None:
    runner(models={"whisper": MODEL})
    with pytest.raises(UndeclaredError, match="'vosk'"):
        StageIO().model("vosk")


def test_without_the_runner_settings_name_the_folder(
    job: Path, beside: Callable[[dict[str, Any]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    beside(
        {
            "config": {"ASR_MODEL": {"type": "str", "default": "small"}},
            "models": {"whisper": {"folder": "whisper/{ASR_MODEL}"}},
        }
    )
    io = StageIO("06_asr", job)
    assert io.model("whisper") == Path("/models/whisper/small")
    monkeypatch.setenv("ASR_MODEL", "large")
    monkeypatch.setenv("STAGERUN_MODELS", "/srv/models")
    assert io.model("whisper") == Path("/srv/models/whisper/large")
    with pytest.raises(UndeclaredError, match="it has: whisper"):
        io.model("vosk")


def test_without_a_spec_no_model_is_declared(job: Path) -> None:
    with pytest.raises(UndeclaredError, match="it has: none"):
        StageIO("your_stage", job).model("whisper")


def test_the_variant_is_the_one_that_the_runner_chose(runner: Start) -> None:
    runner(variant="cuda")
    assert StageIO().variant == "cuda"


def test_without_the_runner_the_image_says_its_variant(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STAGERUN_VARIANT", raising=False)
    assert StageIO("asr", job).variant == "main"
    monkeypatch.setenv("STAGERUN_VARIANT", "cpu")
    assert StageIO("asr", job).variant == "cpu"
