"""Where somebody speaks comes back in order, and nothing else passes for it."""

import json
from pathlib import Path

import pytest

from shared.speech import Speech, SpeechError, read_speech, write_speech


def test_the_stretches_come_back(tmp_path: Path) -> None:
    path = tmp_path / "speech.json"
    write_speech([Speech(0.5, 1.25), Speech(2, 3)], path)
    assert read_speech(path) == (Speech(0.5, 1.25), Speech(2.0, 3.0))


def test_they_come_in_order_and_empty_ones_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "speech.json"
    write_speech([Speech(2, 3), Speech(1, 1), Speech(5, 4), Speech(0, 1)], path)
    assert read_speech(path) == (Speech(0.0, 1.0), Speech(2.0, 3.0))


def test_silence_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "speech.json"
    write_speech([], path)
    assert read_speech(path) == ()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"segments": 1}', '{"segments": [1]}', '{"segments": [{"start": 0}]}',
     '{"segments": [{"start": "x", "end": 1}]}', '{"segments": [{"start": NaN, "end": 1}]}'],
)  # fmt: skip
def test_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "speech.json"
    path.write_text(text)
    with pytest.raises(SpeechError, match=r"^speech.json is no list of speech segments"):
        read_speech(path)


def test_the_place_is_named(tmp_path: Path) -> None:
    path = tmp_path / "speech.json"
    path.write_text(json.dumps({"segments": [{"start": 0, "end": 1}, {"start": None, "end": 2}]}))
    with pytest.raises(SpeechError, match=r"segments\[1\]"):
        read_speech(path)
