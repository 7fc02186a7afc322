"""Stage 06 on speech by people, and on none, in its parent image."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jiwer
import pytest

from tests.stages.asr_kit import (
    PAUSE,
    RATE,
    SPEECH,
    put_names,
    put_result,
    put_sound,
    put_speech,
    sound,
    transcript,
)
from tests.stages.containers import Ended, Stages

pytestmark = [pytest.mark.images, pytest.mark.engine]


def listen(stages: Stages, job: Path, samples: bytes, rate: int = RATE, **config: str) -> Ended:
    put_sound(job, samples, rate)
    return stages.run("06_asr", job, **config)


@pytest.fixture(scope="module")
def spoken(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Two people, one after the other, with a second of silence around each."""
    samples = b"".join((PAUSE, sound("goforward.raw"), PAUSE))
    samples += sound("sense_and_sensibility-0870.wav") + PAUSE
    return listen(stages, tmp_path_factory.mktemp("spoken"), samples)


def test_what_people_say_is_understood(spoken: Ended) -> None:
    first, second = transcript(spoken)["segments"]
    assert first["text"] == "Go forward ten meters."
    said = json.loads((SPEECH / "sense_and_sensibility-0870.json").read_text())["t"]
    heard = re.sub(r"[^a-z' ]", "", second["text"].lower())
    assert jiwer.wer(said, heard) < 0.5  # old prose, which the small model hardly knows


def test_segments_have_the_shape_that_all_stages_share(spoken: Ended) -> None:
    found = transcript(spoken)
    assert found.keys() == {"language", "segments"}
    assert found["language"] == "en"
    for segment in found["segments"]:
        assert segment.keys() == {"start", "end", "text", "confidence", "words"}
        assert " ".join(word["word"] for word in segment["words"]) == segment["text"]
        for word in segment["words"]:
            assert word.keys() == {"word", "start", "end", "confidence", "timing"}
            assert segment["start"] <= word["start"] < word["end"] <= segment["end"]
            assert 0 <= word["confidence"] <= 1


def test_words_come_when_they_are_said(spoken: Ended) -> None:
    said = json.loads((SPEECH / "sense_and_sensibility-0870.json").read_text())["w"]
    at = 1 + len(sound("goforward.raw")) / 2 / RATE + 1
    expected = next(at + word["b"] for word in said if word["t"].startswith("consider"))
    words = transcript(spoken)["segments"][1]["words"]
    found = next(word["start"] for word in words if word["word"] == "consider")
    assert found == pytest.approx(expected, abs=0.15)


def test_an_utterance_does_not_depend_on_what_was_said_before(
    stages: Stages, spoken: Ended, tmp_path: Path
) -> None:
    samples = PAUSE + sound("goforward.raw") + PAUSE
    alone = transcript(listen(stages, tmp_path, samples))["segments"]
    assert alone == transcript(spoken)["segments"][:1]


def test_silence_is_an_empty_transcript_with_a_warning(stages: Stages, tmp_path: Path) -> None:
    ended = listen(stages, tmp_path, PAUSE * 3)
    assert transcript(ended) == {"language": "en", "segments": []}
    assert "No speech was found" in ended.warnings


@pytest.mark.parametrize("language", ["fr", "auto", ""])
def test_another_language_is_refused_by_name(stages: Stages, tmp_path: Path, language: str) -> None:
    ended = listen(stages, tmp_path, PAUSE, SOURCE_LANGUAGE=language)
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert ended.manifest["errors"][0]["exception_type"] == "UnsupportedLanguageError"
    assert f"SOURCE_LANGUAGE is {language!r}" in ended.errors


def test_sound_of_another_kind_is_refused(stages: Stages, tmp_path: Path) -> None:
    ended = listen(stages, tmp_path, PAUSE, rate=44100)
    assert ended.exit_code == 1
    assert "16 bits at 44100 Hz" in ended.errors


def test_speech_found_by_an_earlier_stage_is_what_is_listened_to(
    stages: Stages, tmp_path: Path
) -> None:
    put_speech(tmp_path, (1.0, 3.7))
    samples = PAUSE + sound("goforward.raw") + PAUSE + sound("goforward.raw") + PAUSE
    (segment,) = transcript(listen(stages, tmp_path, samples))["segments"]
    assert segment["text"] == "Go forward ten meters."
    assert segment["end"] < 4


def test_speech_without_a_pause_is_decoded_in_pieces(stages: Stages, tmp_path: Path) -> None:
    samples = sound("goforward.raw") + PAUSE * 9
    put_speech(tmp_path, (0.0, 3 * len(samples) / 2 / RATE))
    segments = transcript(listen(stages, tmp_path, samples * 3))["segments"]
    assert len(segments) > 1
    heard = " ".join(segment["text"] for segment in segments).lower()
    assert heard.count("forward") == 3


def test_names_that_it_cannot_use_are_told_once(stages: Stages, tmp_path: Path) -> None:
    put_names(tmp_path, ["Éowyn", "Minas Tirith"])
    ended = listen(stages, tmp_path, PAUSE)
    assert transcript(ended)["segments"] == []
    assert ended.output.count("The 2 names of the glossary are not used") == 1


def test_sixty_seconds_of_nothing_is_an_empty_transcript(stages: Stages, tmp_path: Path) -> None:
    put_speech(tmp_path)
    assert transcript(listen(stages, tmp_path, PAUSE * 60))["segments"] == []


def test_a_second_of_sound_is_enough(stages: Stages, tmp_path: Path) -> None:
    said = sound("goforward.raw")[2 * RATE // 2 :][: 2 * RATE]
    for segment in transcript(listen(stages, tmp_path, said))["segments"]:
        assert 0 <= segment["start"] < segment["end"] <= 1


@pytest.mark.parametrize("content", [b"", b"RIFF", b"This is no sound.\n" * 100])
def test_a_file_that_is_no_sound_is_refused(stages: Stages, tmp_path: Path, content: bytes) -> None:
    put_sound(tmp_path, b"").write_bytes(content)
    ended = stages.run("06_asr", tmp_path)
    assert ended.manifest["errors"][0]["exception_type"] == "RecordingError"
    assert "audio.wav is not a WAV file" in ended.errors


def test_a_missing_recording_is_no_programming_error(stages: Stages, tmp_path: Path) -> None:
    ended = stages.run("06_asr", tmp_path)
    assert ended.manifest["errors"][0]["exception_type"] == "InputMissingError"
    assert "Traceback" not in ended.output


def test_speech_and_names_of_another_shape_are_refused(stages: Stages, tmp_path: Path) -> None:
    put_result(tmp_path, "05_vad", "segments", {"segments": [{"start": "soon", "end": 2}]})
    ended = listen(stages, tmp_path, PAUSE)
    assert ended.manifest["errors"][0]["exception_type"] == "SpeechError"
    put_result(tmp_path, "03_glossary_load", "names", {"names": "Ann"})
    ended = listen(stages, tmp_path, PAUSE)
    assert ended.manifest["errors"][0]["exception_type"] == "GlossaryError"


def test_the_same_said_again_and_again_is_kept_and_marked(stages: Stages, tmp_path: Path) -> None:
    said = PAUSE + sound("goforward.raw")
    segments = transcript(listen(stages, tmp_path, said * 3 + PAUSE))["segments"]
    assert [segment["text"] for segment in segments] == ["Go forward ten meters."] * 3
    assert {segment["suspect"] for segment in segments} == {"the same text 3 times in a row"}
    twice = transcript(listen(stages, tmp_path, said * 2 + PAUSE))["segments"]
    assert len(twice) == 2
    assert all("suspect" not in segment for segment in twice)


def test_what_is_heard_only_beside_the_speech_is_kept_and_marked(
    stages: Stages, tmp_path: Path
) -> None:
    samples = PAUSE + sound("goforward.raw") + PAUSE
    (all_heard,) = transcript(listen(stages, tmp_path / "all", samples))["segments"]
    second = all_heard["words"][1]
    # Silence for speech: the air before it begins with the second word.
    start = second["start"] + 0.28
    put_speech(tmp_path / "beside", (start, start + 0.01))
    (segment,) = transcript(listen(stages, tmp_path / "beside", samples))["segments"]
    assert segment["suspect"] == "heard only in the air around the speech"
    assert segment["text"]
