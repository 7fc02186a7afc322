"""The sound that stages hand on is read piece by piece, and only in the one form it has."""

import wave
from pathlib import Path

import pytest

from shared.recording import SAMPLE_RATE_HZ, Recording, RecordingError


def sound(
    path: Path, samples: bytes, *, channels: int = 1, width: int = 2, rate: int = SAMPLE_RATE_HZ
) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples)
    return path


def test_a_piece_has_the_samples_between_its_times(tmp_path: Path) -> None:
    samples = b"".join(number.to_bytes(2, "little") for number in range(SAMPLE_RATE_HZ))
    with Recording(sound(tmp_path / "a.wav", samples)) as recording:
        assert recording.seconds == 1.0
        assert recording.read(0.5, 0.5 + 2 / SAMPLE_RATE_HZ) == samples[16000:16004]
        assert recording.read(0, 1) == samples
        assert recording.read(0, 1) == samples


def test_what_lies_beyond_the_end_is_empty(tmp_path: Path) -> None:
    with Recording(sound(tmp_path / "a.wav", b"\1\0" * 160)) as recording:
        assert len(recording.read(0.005, 100)) == 160
        assert recording.read(7, 8) == b""
        assert recording.read(0.005, 0.001) == b""


def test_a_recording_without_sound_is_one(tmp_path: Path) -> None:
    with Recording(sound(tmp_path / "a.wav", b"")) as recording:
        assert (recording.seconds, recording.read(0, 1)) == (0.0, b"")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"channels": 2}, "2 channels of 16 bits at 16000 Hz"),
        ({"width": 1}, "1 channels of 8 bits"),
        ({"rate": 44100}, "44100 Hz"),
    ],
)
def test_another_form_is_refused_with_its_figures(
    tmp_path: Path, changes: dict[str, int], said: str
) -> None:
    with pytest.raises(RecordingError, match=said):
        Recording(sound(tmp_path / "a.wav", bytes(64), **changes))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"ID3 something else entirely"])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"a\.wav is not a WAV file"):
        Recording(path)
