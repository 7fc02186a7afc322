"""Stage 04 with demucs, for which a stand-in answers."""

from __future__ import annotations

import array
import json
import shutil
from pathlib import Path

import pytest

from tests.stages.containers import Ended, Setup, Stages
from tests.stages.separated_sound import level, likeness, looped, report, samples, separate

pytestmark = [pytest.mark.images, pytest.mark.engine]

STAND_IN = Path(__file__).parent / "demucs_stand_in"


@pytest.fixture
def model(tmp_path: Path) -> Setup:
    """A model store with a model for the stand-in."""
    folder = tmp_path / "models" / "demucs" / "htdemucs"
    folder.mkdir(parents=True)
    (folder / "model.th").write_text('["drums", "vocals"]')
    return Setup(models=tmp_path / "models")


def by_model(stages: Stages, job: Path, sound: Path, setup: Setup) -> Ended:
    """The production engine's adapter on a stand-in for demucs and torch."""
    shutil.copytree(STAND_IN, job / "stand_in")
    path = "/app:/job/stand_in"
    config = {"SEPARATION_ENGINE": "demucs", "PYTHONPATH": path}
    return separate(stages, job, sound, setup, **config)


def test_a_model_gets_the_sound_in_chunks_and_gives_speech_in_time(
    stages: Stages, mixes: Path, tmp_path: Path, model: Setup
) -> None:
    sound = looped(stages, mixes / "wide", tmp_path / "sound", 3)
    ended = by_model(stages, tmp_path / "job", sound, model)
    assert report(ended)["method"] == "demucs"
    calls = [json.loads(line) for line in ended.output.splitlines() if line.startswith("{")]
    assert [call["seconds"] for call in calls] == [30, 30, pytest.approx(9.06, abs=0.01)]
    for call in calls:
        assert (call["channels"], call["shifts"], call["device"]) == (2, 0, "cpu")
        assert call["loudness"] == pytest.approx(1, abs=0.3)
    # The stand-in takes everything for a voice, so that a seam or a delay would be heard.
    speech, audio = samples(ended.folder / "speech.wav"), samples(sound / "audio.wav")
    difference = array.array("h", (a - b for a, b in zip(speech, audio, strict=True)))
    assert level(difference) < level(audio) - 30


def test_a_model_hears_all_channels_but_the_low_one_and_mono_too(
    stages: Stages, mixes: Path, tmp_path: Path, model: Setup
) -> None:
    ended = by_model(stages, tmp_path / "surround", mixes / "surround_moving", model)
    voice = samples(mixes / "voices.wav", 13, 16)
    assert report(ended)["method"] == "demucs"
    assert likeness(samples(ended.folder / "speech.wav", 13, 16), voice) > 0.6

    mono = tmp_path / "mono_sound"
    mono.mkdir()
    shutil.copy(mixes / "wide" / "audio.wav", mono)
    ended = by_model(stages, tmp_path / "mono", mono, model)
    speech, audio = samples(ended.folder / "speech.wav"), samples(mono / "audio.wav")
    assert len(speech) == len(audio)
    assert likeness(speech, audio) > 0.99


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not a model", "is no model that demucs can load"),
        ('["drums", "bass"]', "separates drums, bass in 2 channels"),
    ],
)
def test_a_file_that_is_no_such_model_is_named(
    stages: Stages, mixes: Path, tmp_path: Path, model: Setup, content: str, said: str
) -> None:
    assert model.models is not None
    (model.models / "demucs" / "htdemucs" / "model.th").write_text(content)
    ended = by_model(stages, tmp_path / "job", mixes / "narrow", model)
    assert ended.exit_code == 1
    assert f"htdemucs/model.th {said}" in ended.errors
