"""Stage 06 on speech by people, and on none, in its parent image."""

from __future__ import annotations

import json
import re
import wave
from pathlib import Path
from typing import Any

import jiwer
import pytest

from tests.stages.containers import ROOT, Ended, Stages

pytestmark = [pytest.mark.images, pytest.mark.engine]

SPEECH = ROOT / "tests" / "media" / "speech"
RATE = 16000
PAUSE = b"\0\0" * RATE


def sound(name: str) -> bytes:
    """A recording's samples: the header of a WAV file is 44 bytes, a raw file has none."""
    data = (SPEECH / name).read_bytes()
    return data[44:] if name.endswith(".wav") else data


def listen(stages: Stages, job: Path, samples: bytes, rate: int = RATE, **config: str) -> Ended:
    (job / "01_demux").mkdir(parents=True)
    with wave.open(str(job / "01_demux" / "audio.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return stages.run("06_asr", job, **config)


def transcript(ended: Ended) -> dict[str, Any]:
    assert ended.exit_code == 0, ended.output
    found: dict[str, Any] = json.loads((ended.folder / "segments.json").read_text())
    return found


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
            assert word.keys() == {"word", "start", "end", "confidence"}
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


def speech_from_earlier_stage(job: Path, start: float, end: float) -> None:
    (job / "05_vad").mkdir()
    found = {"segments": [{"start": start, "end": end}]}
    (job / "05_vad" / "segments.json").write_text(json.dumps(found))
    output = {"name": "segments", "path": "05_vad/segments.json"}
    manifest = {"status": "success", "outputs": [output]}
    (job / "05_vad" / "manifest.json").write_text(json.dumps(manifest))


def test_speech_found_by_an_earlier_stage_is_what_is_listened_to(
    stages: Stages, tmp_path: Path
) -> None:
    speech_from_earlier_stage(tmp_path, 1.0, 3.7)
    samples = PAUSE + sound("goforward.raw") + PAUSE + sound("goforward.raw") + PAUSE
    (segment,) = transcript(listen(stages, tmp_path, samples))["segments"]
    assert segment["text"] == "Go forward ten meters."
    assert segment["end"] < 4


def test_speech_without_a_pause_is_decoded_in_pieces(stages: Stages, tmp_path: Path) -> None:
    samples = sound("goforward.raw") + PAUSE * 15
    speech_from_earlier_stage(tmp_path, 0.0, 4 * len(samples) / 2 / RATE)
    segments = transcript(listen(stages, tmp_path, samples * 4))["segments"]
    assert len(segments) > 1
    heard = " ".join(segment["text"] for segment in segments).lower()
    assert heard.count("forward") == 4
