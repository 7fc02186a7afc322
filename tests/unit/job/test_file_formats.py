"""What a file's format tells of it, and where it breaks the format's rules."""

import struct
import wave
from pathlib import Path
from typing import Any

import pytest

from runner.job.file_formats import FormatError, format_of

FLAC_5_1 = (48000 << 44 | 5 << 41 | 23 << 36).to_bytes(8, "big")


def read(path: Path, data: bytes | str) -> Any:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    known = format_of(path.name)
    assert known is not None
    return known.read(path)


def problem(path: Path, data: bytes | str) -> str:
    with pytest.raises(FormatError) as caught:
        read(path, data)
    return str(caught.value)


def sound(path: Path, *, channels: int = 1, width: int = 2, rate: int = 16000) -> bytes:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes(channels * width * 10))
    return path.read_bytes()


def test_a_name_without_a_known_ending_tells_nothing() -> None:
    assert format_of("film.xyz") is None
    assert format_of("json") is None
    assert format_of("FILM.MKV") is format_of("film.mkv") is not None


def test_a_document_is_read_whole(tmp_path: Path) -> None:
    text = '{"a": [1, 2.5, null, "ü", "\\ud83d"]}'
    assert read(tmp_path / "a.json", text) == {"a": [1, 2.5, None, "ü", "\ud83d"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON (Expecting"),
        ("[]", "must hold a JSON object"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": 1e999}', "1e999… is too large"),
        ('{"a": 1' + "0" * 400 + "}", "is too large"),
        ('{"a": ' + "[" * 100_000, "nested too deep"),
        ("\ufeff{}", "byte order mark"),
        (b'{"a":\n"\xe9"}', "line 2 is not in UTF-8"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, text: bytes | str, said: str) -> None:
    assert said in problem(tmp_path / "a.json", text)


def test_a_text_is_its_lines_however_they_end(tmp_path: Path) -> None:
    assert read(tmp_path / "a.srt", "\ufeffé\r\nb\rc\n") == ["é", "b", "c", ""]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe1\0\n\0", "line 1 is not in UTF-8"),
        (b"ok\r\nok\rgar\xe7on\n", "line 3 is not in UTF-8"),
        (b"1\n2\0\n", "line 2 has a zero byte"),
    ],
)
def test_another_encoding_is_refused_with_its_line(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in problem(tmp_path / "a.txt", data)


def test_a_wav_file_tells_how_its_samples_are(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    facts = read(path, sound(path, channels=2, width=3, rate=44100))
    assert facts == {
        "encoding": "pcm",
        "channels": 2,
        "sample_rate_hz": 44100,
        "bits_per_sample": 24,
    }


def test_other_parts_of_a_wav_file_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    plain = sound(path)
    tagged = plain[:12] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + plain[12:] + b"more"
    assert read(path, tagged) == read(path, plain)


@pytest.mark.parametrize(("number", "name"), [(3, "float"), (0xFFFE, "extensible"), (85, "85")])
def test_other_encodings_of_a_wav_file_are_named(tmp_path: Path, number: int, name: str) -> None:
    plain = sound(tmp_path / "a.wav")
    other = plain[:20] + struct.pack("<H", number) + plain[22:]
    assert read(tmp_path / "a.wav", other)["encoding"] == name


def test_a_damaged_wav_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    plain = sound(path)
    assert "20 bytes of sound, 13 are there" in problem(path, plain[:-7])
    endless = plain[:40] + b"\xff" * 4 + plain[44:]
    assert "4294967295 bytes of sound, 20 are there" in problem(path, endless)
    assert "without sound or without its format" in problem(path, plain[:36])
    assert "without sound or without its format" in problem(path, plain[:12] + plain[36:])


def test_a_flac_file_tells_how_its_samples_are(tmp_path: Path) -> None:
    data = b"fLaC\0\0\0\x22" + bytes(10) + FLAC_5_1 + bytes(16)
    assert read(tmp_path / "a.flac", data) == {
        "encoding": "flac",
        "channels": 6,
        "sample_rate_hz": 48000,
        "bits_per_sample": 24,
    }


@pytest.mark.parametrize(
    ("name", "data", "container"),
    [
        ("a.mkv", b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska\x42\x87", "matroska"),
        ("a.webm", b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm\x42\x87\x81", "webm"),
        ("a.mka", b"\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01", "matroska"),
        ("a.m4v", b"\0\0\0\x20ftypisom\0\0\x02\0", "mp4"),
    ],
)
def test_a_film_tells_its_container(tmp_path: Path, name: str, data: bytes, container: str) -> None:
    assert read(tmp_path / name, data) == {"container": container}


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mkv", "a.webm", "a.mp4"])
@pytest.mark.parametrize("data", [b"R", b"RIFF\0\0\0\0AVI ", b"ID3\4" + bytes(60)])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    assert "does not begin as a" in problem(tmp_path / name, data)
