"""Stage 05 on synthetic and real voices, on none, and on files that are no recording."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import pytest

from tests.stages.containers import ROOT, Ended, Stages

pytestmark = [pytest.mark.images, pytest.mark.engine]

SPEECH = ROOT / "tests" / "media" / "speech"
RATE = 16000
STEP = 0.01


@pytest.fixture(scope="module")
def voices(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what tests/media/voices.py makes."""
    folder = tmp_path_factory.mktemp("voices")
    stages.in_ffmpeg_image(["python3", "/media/voices.py", "/films"], folder)
    return folder


def write_wav(path: Path, samples: bytes, channels: int = 1, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)


def listen(stages: Stages, job: Path, sound: Path | bytes, **config: str) -> Ended:
    audio = job / "01_demux" / "audio.wav"
    write_wav(audio, sound if isinstance(sound, bytes) else b"")
    if isinstance(sound, Path):
        audio.write_bytes(sound.read_bytes())
    return stages.run("05_vad", job, **config)


def segments(ended: Ended) -> list[tuple[float, float]]:
    assert ended.exit_code == 0, ended.output
    found: dict[str, Any] = json.loads((ended.folder / "segments.json").read_text())
    return [(part["start"], part["end"]) for part in found["segments"]]


def covered(parts: list[tuple[float, float]], seconds: float) -> list[bool]:
    """Each hundredth of a second, whether it lies in one of the parts."""
    steps = (number * STEP for number in range(round(seconds / STEP)))
    return [any(start <= step < end for start, end in parts) for step in steps]


def test_known_speech_is_found_to_the_tenth_of_a_second(
    stages: Stages, voices: Path, tmp_path: Path
) -> None:
    said = json.loads((voices / "voices.json").read_text())
    real = [(part["start"], part["end"]) for part in said]
    found = segments(listen(stages, tmp_path, voices / "voices.wav", VAD_PADDING="0"))
    assert len(found) == len(real)
    pairs = list(zip(covered(found, 23), covered(real, 23), strict=True))
    right = sum(heard and there for heard, there in pairs)
    assert right / sum(heard for heard, _ in pairs) > 0.97  # precision
    assert right / sum(there for _, there in pairs) > 0.97  # recall
    again = (tmp_path / "05_vad" / "segments.json").read_bytes()
    segments(stages.run("05_vad", tmp_path, VAD_PADDING="0"))
    assert (tmp_path / "05_vad" / "segments.json").read_bytes() == again


def test_a_persons_words_lie_inside_the_segments(stages: Stages, tmp_path: Path) -> None:
    name = "sense_and_sensibility-0870"
    words = json.loads((SPEECH / f"{name}.json").read_text())["w"]
    spoken = [word for word in words if not word["t"].startswith("<")]
    found = segments(listen(stages, tmp_path, SPEECH / f"{name}.wav"))
    inside = [
        word
        for word in spoken
        if any(start <= word["b"] + word["d"] / 2 <= end for start, end in found)
    ]
    assert inside == spoken
    assert found[0][0] == pytest.approx(spoken[0]["b"], abs=0.15)
    assert found[-1][1] == pytest.approx(spoken[-1]["b"] + spoken[-1]["d"], abs=0.25)


def test_every_setting_reaches_the_detector(stages: Stages, voices: Path, tmp_path: Path) -> None:
    usual = segments(listen(stages, tmp_path, voices / "voices.wav"))

    def changed(**config: str) -> list[tuple[float, float]]:
        return segments(stages.run("05_vad", tmp_path, **config))

    assert len(changed(VAD_MIN_SILENCE="10")) == 1
    assert len(changed(VAD_MIN_SPEECH="1")) == len(usual) - 1  # "Okay." is shorter
    wider = changed(VAD_PADDING="0.2")
    assert wider[0][0] == pytest.approx(usual[0][0] - 0.1, abs=0.002)
    assert changed(VAD_THRESHOLD="0.95")[0][0] > usual[0][0]
    assert changed(VAD_HYSTERESIS="0.5")[0][1] > changed(VAD_HYSTERESIS="0")[0][1]


def test_separated_speech_is_preferred(stages: Stages, voices: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "04_source_separation" / "speech.wav", b"\0\0" * RATE)
    assert segments(listen(stages, tmp_path, voices / "voices.wav")) == []


@pytest.mark.parametrize("seconds", [0, 1, 60])
def test_silence_of_any_length_ends_well_and_empty(
    stages: Stages, tmp_path: Path, seconds: int
) -> None:
    ended = listen(stages, tmp_path, b"\0\0" * (seconds * RATE))
    assert segments(ended) == []
    assert ended.manifest["status"] == "success"
    assert f"No speech was found in audio.wav ({seconds}.0 s)" in ended.warnings


def test_a_word_of_a_second_is_enough(stages: Stages, voices: Path, tmp_path: Path) -> None:
    with wave.open(str(voices / "voices.wav"), "rb") as file:
        file.setpos(round(16.7 * RATE))
        samples = file.readframes(RATE)
    [(start, end)] = segments(listen(stages, tmp_path, samples))
    assert 0.1 < start < 0.35
    assert 0.6 < end <= 1.0


def test_memory_does_not_grow_with_the_length(stages: Stages, voices: Path, tmp_path: Path) -> None:
    sentence = (voices / "voices.wav").read_bytes()[44:]
    pause = b"\0\0" * (9 * 60 * RATE)
    short = listen(stages, tmp_path / "short", sentence)
    long = listen(stages, tmp_path / "long", (sentence + pause) * 2)
    assert len(segments(long)) == 2 * len(segments(short))
    assert long.manifest["resources"]["memory_mb"] < 100
    grown = long.manifest["resources"]["memory_mb"] - short.manifest["resources"]["memory_mb"]
    assert grown < 5  # the sound itself would be 37 MB, as floats 73


def test_what_is_no_recording_is_refused_by_name(stages: Stages, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("This is no sound.\n" * 100)
    ended = listen(stages, tmp_path / "a", text)
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert "audio.wav is not a WAV file" in ended.errors

    stereo = tmp_path / "stereo.wav"
    write_wav(stereo, b"\0\0" * 200, channels=2, rate=48000)
    ended = listen(stages, tmp_path / "b", stereo)
    assert ended.exit_code == 1
    assert "2 channels of 16 bits at 48000 Hz" in ended.errors


def test_a_recording_that_is_cut_off_is_not_taken_for_silence(
    stages: Stages, voices: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.wav"
    short.write_bytes((voices / "voices.wav").read_bytes()[: 44 + 10 * RATE])
    ended = listen(stages, tmp_path, short)
    assert ended.exit_code == 1
    assert "there are 5.0 s. Run the stage that wrote it again" in ended.errors


def test_a_setting_that_is_no_number_is_named(stages: Stages, tmp_path: Path) -> None:
    ended = listen(stages, tmp_path, b"\0\0" * RATE, VAD_THRESHOLD="loud")
    assert ended.exit_code == 1
    assert "VAD_THRESHOLD" in ended.errors
    assert "loud" in ended.errors
