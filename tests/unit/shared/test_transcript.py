"""What was said comes back as it was written, and nothing else passes for it."""

import json
from pathlib import Path

import pytest

from shared.transcript import (
    Segment,
    Transcript,
    TranscriptError,
    Word,
    read_transcript,
    write_transcript,
)

WHOLE = Transcript(
    language="es",
    segments=(
        Segment(
            start=0.5,
            end=2.25,
            text="¿Qué? — “sí” & <b> 字幕 🎬 \u200fשלום",  # noqa: RUF001 - Hebrew is meant
            confidence=0.75,
            words=(
                Word("¿Qué?", 0.5, 1.0, 0.5, "aligned"),
                Word("sí", 1.0, 2.25, timing="interpolated"),
            ),
            suspect="said over and over",
            source_text="What? Yes.",
        ),
        Segment(start=3.0, end=4.0, text="", untranslated="the language is not known"),
    ),
)


def written(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "segments.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_every_field_survives(tmp_path: Path) -> None:
    path = tmp_path / "segments.json"
    write_transcript(WHOLE, path)
    assert read_transcript(path) == WHOLE


def test_the_same_transcript_gives_the_same_bytes_without_unknown_fields(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    write_transcript(WHOLE, one)
    write_transcript(read_transcript(one), two)
    assert one.read_bytes() == two.read_bytes()
    (_, second) = json.loads(one.read_text())["segments"]
    assert set(second) == {"start", "end", "text", "words", "untranslated"}


def test_half_a_character_of_a_users_file_does_not_stop_the_writing(tmp_path: Path) -> None:
    path = tmp_path / "segments.json"
    write_transcript(Transcript("en", (Segment(0, 1, "a\ud83db"),)), path)
    json.loads(path.read_text(encoding="utf-8"))


def test_a_transcript_of_somebody_else_needs_only_times_and_text(tmp_path: Path) -> None:
    words = [{"word": "a", "start": 0, "end": 1, "more": True}]
    segments = [
        {"start": 0, "end": 1, "text": "a", "words": words},
        {"start": 1, "end": 2, "text": ""},
    ]
    found = read_transcript(written(tmp_path, {"language": "en", "segments": segments, "by": "me"}))
    assert found.segments[0].words == (Word("a", 0.0, 1.0, None, "given"),)
    assert found.segments[1].words == ()


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ("{", "the file"),
        ([], "the file"),
        ({}, "language"),
        ({"language": None, "segments": []}, "language"),
        ({"language": "en"}, "language"),
        ({"language": "en", "segments": [1]}, r"segments\[0\]"),
        ({"language": "en", "segments": [{"start": 0, "end": 1}]}, r"segments\[0\]"),
        ({"language": "en", "segments": [{"start": "0", "end": 1, "text": ""}]}, "not a number"),
        ({"language": "en", "segments": [{"start": True, "end": 1, "text": ""}]}, "not a number"),
        ('{"language": "en", "segments": [{"start": NaN, "end": 1, "text": ""}]}', "not a number"),
        (
            {"language": "en", "segments": [{"start": 0, "end": 1, "text": "", "words": [{}]}]},
            r"segments\[0\]",
        ),
        ("[" * 100_000, "the file"),
    ],
)
def test_anything_else_is_refused_with_its_place(
    tmp_path: Path, document: object, place: str
) -> None:
    with pytest.raises(TranscriptError, match=place) as caught:
        read_transcript(written(tmp_path, document))
    assert str(caught.value).startswith("segments.json is no transcript")
