"""Stage 06 with Whisper: the whole library on the CPU, and a model whose words are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stages.asr_kit import (
    PAUSE,
    calls,
    make_models,
    put_names,
    put_sound,
    put_speech,
    script,
    sound,
    transcript,
    whisper,
)
from tests.stages.containers import Ended, Stages

pytestmark = [pytest.mark.images, pytest.mark.engine]

SEQUENTIAL = "WhisperModel.transcribe"
BATCHED = "BatchedInferencePipeline.transcribe"
HINDI = ["0.00", "ना", "2.00", "2.40", "ठीक", "है।", "4.40"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    loop = ["0.00", *["I'm_going_to_the_airport."] * 5, "6.00", "6.40", "Okay.", "7.00"]
    return make_models(
        tmp_path_factory.mktemp("store") / "models",
        small="",
        hindi=f"--language hi {script(*HINDI)}",
        unsure="--certainty 0.8",
        loop=script(*loop),
        large="--mels 128",
    )


def speech_twice(job: Path) -> Path:
    """Speech from 1.0 to 3.7 and from 7.7 to 10.4, as an earlier stage found it."""
    said = sound("goforward.raw")
    put_sound(job, PAUSE + said + PAUSE * 4 + said + PAUSE * 3)
    put_speech(job, (1.0, 3.7), (7.7, 10.4))
    return job


@pytest.fixture
def job(tmp_path: Path) -> Path:
    return speech_twice(tmp_path)


@pytest.fixture(scope="module")
def heard(stages: Stages, tmp_path_factory: pytest.TempPathFactory, models: Path) -> Ended:
    return whisper(stages, speech_twice(tmp_path_factory.mktemp("heard")), models)


def test_what_the_model_says_is_written_in_the_shared_shape(heard: Ended) -> None:
    found = transcript(heard)
    assert found["language"] == "en"
    segments = found["segments"]
    assert [segment["text"] for segment in segments] == [
        "Hello from the scripted model.",
        "This is a second segment.",
    ] * 2
    for segment in segments:
        assert segment.keys() == {"start", "end", "text", "confidence", "words"}
        assert " ".join(word["word"] for word in segment["words"]) == segment["text"]
        for word in segment["words"]:
            assert word.keys() == {"word", "start", "end", "confidence", "timing"}
            assert segment["start"] <= word["start"] <= word["end"] <= segment["end"]
            assert word["timing"] == "recognised"


def test_it_listens_where_an_earlier_stage_heard_speech(heard: Ended) -> None:
    [call] = calls(heard, SEQUENTIAL)
    assert call["clip_timestamps"] == pytest.approx([0.0, 3.2, 6.7, 9.9])  # from 0.7 on
    first, _, third, _ = transcript(heard)["segments"]
    assert first["words"][1]["start"] == pytest.approx(0.7 + 0.4)
    assert third["words"][1]["start"] == pytest.approx(7.4 + 0.4)


def test_without_an_earlier_stage_it_finds_the_speech_by_itself(
    stages: Stages, tmp_path: Path, models: Path
) -> None:
    put_sound(tmp_path, PAUSE * 5 + sound("goforward.raw") + PAUSE * 5)
    ended = whisper(stages, tmp_path, models)
    assert 4.5 < transcript(ended)["segments"][0]["start"] < 8
    [call] = calls(ended, SEQUENTIAL)
    assert call["clip_timestamps"][1] < 4


def test_every_setting_reaches_the_library(stages: Stages, job: Path, models: Path) -> None:
    put_names(job, ["Éowyn"])
    ended = whisper(
        stages,
        job,
        models,
        SOURCE_LANGUAGE="spa",
        ASR_COMPUTE_TYPE="float32",
        ASR_DEVICE="cpu",
        ASR_BEAM_SIZE="3",
        ASR_TEMPERATURES="0.1,0.3",
        ASR_COMPRESSION_RATIO_THRESHOLD="2.1",
        ASR_LOGPROB_THRESHOLD="-0.7",
        ASR_NO_SPEECH_THRESHOLD="0.65",
        ASR_CONDITION_ON_PREVIOUS_TEXT="yes",
        ASR_INITIAL_PROMPT="A film about the sea.",
        ASR_NAMES="none",
    )
    assert transcript(ended)["language"] == "es"
    [call] = calls(ended, SEQUENTIAL)
    del call["clip_timestamps"]
    assert call == {
        "language": "es",
        "beam_size": 3,
        "temperature": [0.1, 0.3],
        "compression_ratio_threshold": 2.1,
        "log_prob_threshold": -0.7,
        "no_speech_threshold": None,  # the stage marks what the library would drop
        "condition_on_previous_text": True,
        "initial_prompt": "A film about the sea.",
        "hotwords": None,
        "word_timestamps": True,
        "without_timestamps": False,
    }
    [loaded] = calls(ended, "WhisperModel.__init__")
    assert (loaded["device"], loaded["compute_type"]) == ("cpu", "float32")
    assert loaded["local_files_only"] is True


def test_in_batches_the_same_is_heard_and_what_is_ignored_is_said(
    stages: Stages, job: Path, models: Path
) -> None:
    ended = whisper(stages, job, models, ASR_BATCH_SIZE="4", ASR_BEAM_SIZE="2")
    assert len(transcript(ended)["segments"]) == 4
    [call] = calls(ended, BATCHED)
    assert (call["batch_size"], call["beam_size"]) == (4, 2)
    assert call["clip_timestamps"] == [
        {"start": pytest.approx(0.0), "end": pytest.approx(3.2)},
        {"start": pytest.approx(6.7), "end": pytest.approx(9.9)},
    ]
    assert "only the first of ASR_TEMPERATURES, 0" in ended.warnings


@pytest.mark.parametrize(
    ("how", "hotwords", "prompt"),
    [
        ("hotwords", "Éowyn, Minas Tirith", "On a horse."),
        ("prompt", None, "On a horse. Éowyn, Minas Tirith"),
    ],
)
def test_the_names_of_the_glossary_reach_the_library(
    stages: Stages, job: Path, models: Path, how: str, hotwords: str | None, prompt: str
) -> None:
    put_names(job, ["Éowyn", "Minas  Tirith", "Éowyn"])
    ended = whisper(stages, job, models, ASR_NAMES=how, ASR_INITIAL_PROMPT="On a horse.")
    [call] = calls(ended, SEQUENTIAL)
    assert (call["hotwords"], call["initial_prompt"]) == (hotwords, prompt)


def test_no_number_of_names_fills_the_window(stages: Stages, job: Path, models: Path) -> None:
    put_names(job, [f"Name{number}" for number in range(5000)])
    [call] = calls(whisper(stages, job, models), SEQUENTIAL)
    assert call["hotwords"].startswith("Name0, Name1, ")
    assert len(call["hotwords"]) < 100  # the scripted model has a token for every letter


def test_the_language_is_detected_and_written(stages: Stages, job: Path, models: Path) -> None:
    ended = whisper(stages, job, models, ASR_MODEL="hindi", SOURCE_LANGUAGE="auto")
    found = transcript(ended)
    assert found["language"] == "hi"
    assert [segment["text"] for segment in found["segments"]] == ["ना", "ठीक है।"] * 2
    assert all("suspect" not in segment for segment in found["segments"])
    [call] = calls(ended, SEQUENTIAL)
    assert call["language"] == "hi"
    assert ended.manifest["config"]["LANGUAGE"] == "hi"


def test_improbable_words_are_kept_and_marked(stages: Stages, job: Path, models: Path) -> None:
    config = {"ASR_MODEL": "unsure", "ASR_TEMPERATURES": "0", "ASR_LOGPROB_THRESHOLD": "-0.3"}
    ended = whisper(stages, job, models, **config)
    segments = transcript(ended)["segments"]
    assert segments[0]["text"] == "Hello from the scripted model."
    assert all("the engine is unsure" in segment["suspect"] for segment in segments)
    assert "4 of 4 segments are doubtful" in ended.warnings


def test_words_where_the_engine_hears_no_speech_are_kept_and_marked(
    stages: Stages, job: Path, models: Path
) -> None:
    config = {"ASR_MODEL": "unsure", "ASR_TEMPERATURES": "0", "ASR_LOGPROB_THRESHOLD": "-0.3"}
    segments = transcript(whisper(stages, job, models, ASR_NO_SPEECH_THRESHOLD="0", **config))
    assert len(segments["segments"]) == 4
    assert all("hears no speech" in segment["suspect"] for segment in segments["segments"])


def test_words_drawn_by_chance_are_the_same_each_time(
    stages: Stages, job: Path, models: Path
) -> None:
    config = {"ASR_MODEL": "unsure", "ASR_TEMPERATURES": "1"}
    first, second = (transcript(whisper(stages, job, models, **config)) for _ in range(2))
    said = " ".join(segment["text"] for segment in first["segments"])
    assert said.count("second segment") < 2  # what the script has, and chance did not give
    assert first == second


# The processor decides which of the two libraries CTranslate2 multiplies with.
@pytest.mark.parametrize("mkl", ["0", "1"], ids=["oneDNN", "MKL"])
def test_a_loop_is_kept_and_marked_but_not_what_was_said_once(
    stages: Stages, job: Path, models: Path, mkl: str
) -> None:
    put_speech(job, (1.0, 13.0))
    ended = whisper(stages, job, models, ASR_MODEL="loop", CT2_USE_MKL=mkl)
    segments = transcript(ended)["segments"]
    assert segments[0]["text"].count("airport") == 5
    assert "5 times in a row" in segments[0]["suspect"]
    assert segments[1]["text"] == "Okay."
    assert "suspect" not in segments[1]


def test_a_model_with_more_mel_bands_is_heard(stages: Stages, job: Path, models: Path) -> None:
    assert len(transcript(whisper(stages, job, models, ASR_MODEL="large"))["segments"]) == 4


def test_silence_is_an_empty_transcript_in_no_language(
    stages: Stages, tmp_path: Path, models: Path
) -> None:
    put_sound(tmp_path, PAUSE * 60)
    ended = whisper(stages, tmp_path, models, SOURCE_LANGUAGE="auto")
    assert transcript(ended) == {"language": "und", "segments": []}
    assert "No speech was found" in ended.warnings
    assert calls(ended, SEQUENTIAL) == []


def test_ten_thousand_stretches_of_speech_over_each_other_are_heard_once(
    stages: Stages, tmp_path: Path, models: Path
) -> None:
    put_sound(tmp_path, sound("goforward.raw"))
    put_speech(tmp_path, *[(number / 5000, number / 5000 + 0.5) for number in range(10000)], (1, 1))
    ended = whisper(stages, tmp_path, models)
    [call] = calls(ended, SEQUENTIAL)
    assert call["clip_timestamps"] == pytest.approx([0.0, 9999 / 5000 + 0.5 + 0.2])
