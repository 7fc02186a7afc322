"""The project's own ladders: what its stages become when the memory of a GPU is full."""

import pytest

from runner.errors import Verdict
from runner.project.config import Value
from runner.project.pipeline import load_project
from runner.project.stage import Resources, StageSpec
from runner.run.retry import Attempt, Tried, next_attempt
from tests.project_kit import ROOT


def rungs(stage: StageSpec, **settings: str) -> list[dict[str, str]]:
    """What is changed in each attempt after the first, when none of them fits."""
    asked = {
        name: Value(value=settings.get(name, key.default), source="test")
        for name, key in stage.config.items()
    }
    attempt, found = Attempt(), list[dict[str, str]]()
    while True:
        tried = Tried(
            run_id="run", variant="cuda", config=attempt.settings(asked), limits=Resources()
        )
        after = next_attempt(Verdict.OOM_GPU, attempt, stage.retry, tried=tried, keys=stage.config)
        if after is None:
            return found
        assert after.pause_seconds == 0
        attempt = after.attempt
        found.append({change.name: change.used for change in attempt.changes})
        if attempt.without_gpu:
            return found


@pytest.fixture(scope="module")
def stages() -> dict[str, StageSpec]:
    return load_project(ROOT).stages


def test_speech_recognition_goes_by_batch_numbers_and_device(stages: dict[str, StageSpec]) -> None:
    found = rungs(stages["06_asr"], ASR_BATCH_SIZE="4")
    assert found == [
        {"ASR_BATCH_SIZE": "2"},
        {"ASR_BATCH_SIZE": "1"},
        {"ASR_BATCH_SIZE": "1", "ASR_COMPUTE_TYPE": "int8_float16"},
        {"ASR_BATCH_SIZE": "1", "ASR_COMPUTE_TYPE": "auto", "gpu": "none"},
    ]


def test_the_largest_batch_still_comes_to_the_last_rung(stages: dict[str, StageSpec]) -> None:
    assert rungs(stages["06_asr"], ASR_BATCH_SIZE="64")[-1]["gpu"] == "none"
    assert len(rungs(stages["06_asr"], ASR_BATCH_SIZE="1")) == 2


def test_separation_has_nothing_to_make_smaller(stages: dict[str, StageSpec]) -> None:
    assert rungs(stages["04_source_separation"]) == [{"gpu": "none"}]
