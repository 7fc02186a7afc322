"""What stage.yaml of stage 06 says that a Whisper model consists of, and what the stage opens."""

from __future__ import annotations

from itertools import chain, combinations
from pathlib import Path

import pytest
from asr_errors import ModelError
from whisper_errors import check_model_folder

from runner.project.config import Value
from runner.project.models import needed_models
from runner.project.stage import OneOf, load_stage
from tests.stages.containers import ROOT

FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json", "vocabulary.txt")


def lacking(model: str, *there: str) -> tuple[OneOf, ...]:
    settings = {"ASR_ENGINE": "whisper", "ASR_MODEL": model}
    config = {key: Value(value=value, source="test") for key, value in settings.items()}
    needed = needed_models(load_stage(ROOT / "stages" / "06_asr"), config)
    assert {each.name for each in needed} == {f"whisper/{model}"}
    assert len({each.files for each in needed}) == 1
    return needed[0].lacking(there)


def test_stage_yaml_refuses_the_folders_that_the_stage_would_refuse(tmp_path: Path) -> None:
    sizes = range(len(FILES) + 1)
    for there in chain.from_iterable(combinations(FILES, size) for size in sizes):
        folder = tmp_path / "-".join(("model", *there))
        folder.mkdir()
        for name in there:
            (folder / name).touch()
        try:
            check_model_folder(folder)
        except ModelError:
            assert lacking("small", *there), there
        else:
            assert not lacking("small", *there), there


@pytest.mark.parametrize("model", ["large-v3", "large-v3-turbo", "turbo", "distil-large-v3"])
def test_models_with_128_bands_need_the_file_that_says_so(model: str) -> None:
    assert lacking(model, *FILES) == (("preprocessor_config.json",),)
    assert lacking(model, *FILES, "preprocessor_config.json") == ()
