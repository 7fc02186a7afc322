"""The schemas of the project's hand-offs say what the stages' readers take, no more and no less.

A schema is what a user's own file is held against before anything runs; the readers are what the
stages use. Each document here is shown to both.
"""

import copy
import json
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from runner.project.pipeline import load_project
from runner.run.content import misfit
from shared.glossary import (
    GlossaryError,
    Term,
    read_names,
    read_terms,
    write_names,
    write_terms,
)
from shared.recording import Recording, RecordingError
from shared.speech import Speech, SpeechError, read_speech, write_speech
from shared.transcript import (
    Segment,
    Transcript,
    TranscriptError,
    Word,
    read_transcript,
    write_transcript,
)
from tests.project_kit import ROOT

SCHEMAS: Final = ROOT / "schemas"
READERS: Final[dict[str, Callable[[Path], object]]] = {
    "transcript": read_transcript,
    "speech": read_speech,
    "names": read_names,
    "terms": read_terms,
}
REFUSALS: Final = (TranscriptError, SpeechError, GlossaryError)

SPAN: Final = {"start": 0, "end": 1.5}
GOOD: Final[list[tuple[str, Any]]] = [
    ("transcript", {"language": "en", "segments": []}),
    ("transcript", {"language": "", "segments": [{**SPAN, "text": ""}], "by": "me"}),
    ("transcript", {"language": "en", "segments": [{"start": -1, "end": -2, "text": "back"}]}),
    ("transcript", {"language": "en", "segments": [{**SPAN, "text": "\ud83d", "words": None}]}),
    ("transcript", {"language": "en", "segments": [{**SPAN, "text": "a", "confidence": None}]}),
    ("speech", {"segments": []}),
    ("speech", {"segments": [SPAN, {"start": 3, "end": 2, "sure": True}]}),
    ("names", {"names": []}),
    ("names", {"names": ["Żółć", ""]}),
    ("terms", {"terms": []}),
    ("terms", {"terms": [{"source": "arc"}, {"source": "a", "aliases": [], "targets": {}}]}),
]
BAD: Final[list[tuple[str, Any]]] = [
    ("transcript", {}),
    ("transcript", {"language": None, "segments": []}),
    ("transcript", {"language": "en"}),
    ("transcript", {"language": "en", "segments": [{"start": 0, "text": "a"}]}),
    ("transcript", {"language": "en", "segments": [{**SPAN, "text": None}]}),
    ("transcript", {"language": "en", "segments": [{**SPAN, "start": "0", "text": "a"}]}),
    ("transcript", {"language": "en", "segments": [{**SPAN, "end": True, "text": "a"}]}),
    ("transcript", {"language": "en", "segments": [{**SPAN, "end": float("nan"), "text": "a"}]}),
    ("transcript", {"language": "en", "segments": [{**SPAN, "text": "a", "confidence": "1"}]}),
    ("transcript", {"language": "en", "segments": [{**SPAN, "text": "a", "suspect": 1}]}),
    ("transcript", {"language": "en", "segments": [{**SPAN, "text": "a", "words": [{}]}]}),
    ("speech", {}),
    ("speech", {"segments": 1}),
    ("speech", {"segments": [{"start": 0}]}),
    ("speech", {"segments": [{"start": "x", "end": 1}]}),
    ("speech", {"segments": [{"start": None, "end": 1}]}),
    ("speech", {"segments": [{"start": 0, "end": float("inf")}]}),
    ("names", {"names": {"a": 1}}),
    ("names", {"names": [None]}),
    ("terms", {"terms": [{"aliases": []}]}),
    ("terms", {"terms": [{"source": "a", "aliases": [1]}]}),
    ("terms", {"terms": [{"source": "a", "targets": {"es": None}}]}),
    ("terms", {"terms": [{"source": "a", "targets": ["es"]}]}),
    ("terms", {"terms": [{"source": "a", "origin": None}]}),
]
FORGIVEN: Final[list[tuple[str, Any]]] = [
    ("transcript", {"language": "en", "segments": ""}),
    ("transcript", {"language": "en", "segments": {}}),
    ("transcript", {"language": "en", "segments": [{**SPAN, "text": "a", "words": {}}]}),
    ("speech", {"segments": [{"start": "0.5", "end": True}]}),
    ("terms", {"terms": [{"source": "a", "aliases": "bc"}]}),
]
"""What a reader takes by accident, and what nobody may count on."""

JUNK: Final = (None, True, 1, 0.5, "x", ["x"], [1], [None], {"a": 1})
WORD: Final = {**SPAN, "word": "a", "confidence": 0.5, "timing": "aligned"}
WHOLE: Final = {
    "language": "en",
    "segments": [
        {
            **SPAN,
            "text": "a",
            "confidence": 1,
            "words": [WORD],
            "suspect": "heard twice",
            "source_text": "b",
            "untranslated": "not known",
        }
    ],
}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every list or object in a document with each of its numbers or keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def written(folder: Path, document: Any) -> Path:
    path = folder / "document.json"
    path.write_text(json.dumps(document))
    return path


def fits(path: Path, schema: str) -> bool:
    return misfit(path, path.name, SCHEMAS / f"{schema}.json") is None


def is_read(path: Path, schema: str) -> bool:
    try:
        READERS[schema](path)
    except REFUSALS:
        return False
    return True


def test_every_schema_that_an_output_names_is_there_and_no_other_one() -> None:
    outputs = [item for stage in load_project(ROOT).stages.values() for item in stage.outputs]
    assert {item.schema for item in outputs if item.schema} == {
        path.stem for path in SCHEMAS.iterdir()
    }


def test_a_result_that_another_stage_reads_has_a_schema_unless_its_format_says_all() -> None:
    stages = load_project(ROOT).stages
    read = {
        (source.stage, source.output)
        for stage in stages.values()
        for item in stage.inputs
        for source in item.sources
        if source.stage in stages
    }
    without = {
        f"{name}/{item.name}"
        for name, stage in stages.items()
        for item in stage.outputs
        if (name, item.name) in read and item.schema is None
    }
    assert without == {"01_demux/surround"}


@pytest.mark.parametrize("schema", [path.stem for path in sorted(SCHEMAS.iterdir())])
def test_a_schema_says_in_words_what_is_wanted(schema: str) -> None:
    document = json.loads((SCHEMAS / f"{schema}.json").read_text(encoding="utf-8"))
    assert document["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert document["title"]
    assert not document["description"].endswith(".")


@pytest.mark.parametrize(("schema", "document"), GOOD)
def test_what_the_reader_takes_fits(tmp_path: Path, schema: str, document: Any) -> None:
    path = written(tmp_path, document)
    assert is_read(path, schema)
    assert fits(path, schema)


@pytest.mark.parametrize(("schema", "document"), BAD)
def test_what_the_reader_refuses_does_not_fit(tmp_path: Path, schema: str, document: Any) -> None:
    path = written(tmp_path, document)
    assert not is_read(path, schema)
    assert not fits(path, schema)


@pytest.mark.parametrize(("schema", "document"), FORGIVEN)
def test_what_a_reader_takes_by_accident_does_not_fit(
    tmp_path: Path, schema: str, document: Any
) -> None:
    path = written(tmp_path, document)
    assert is_read(path, schema)
    assert not fits(path, schema)


def test_schema_and_reader_agree_wherever_a_transcript_is_spoiled(tmp_path: Path) -> None:
    document = copy.deepcopy(WHOLE)
    for holder, key in list(places(document)):
        whole = holder[key]
        for junk in JUNK:
            holder[key] = junk
            path = written(tmp_path, document)
            assert fits(path, "transcript") == is_read(path, "transcript"), document
        holder[key] = whole
    assert document == WHOLE
    assert fits(written(tmp_path, document), "transcript")


def test_what_the_stages_write_fits(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    word = Word("hi", 0, 0.5, 0.5, "aligned")
    segment = Segment(0, 1, "hi", 0.5, (word,), "heard twice", "hola", "not known")
    write_transcript(Transcript("en", (segment, Segment(1, 2, ""))), path)
    assert fits(path, "transcript")
    write_speech([Speech(0.5, 1)], path)
    assert fits(path, "speech")
    write_names(["Ana"], path)
    assert fits(path, "names")
    write_terms([Term("arc", ("bow",), {"es": "arco"}, "tmdb"), Term("a")], path)
    assert fits(path, "terms")


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_sound_that_the_stages_can_read_fits_and_no_other(
    tmp_path: Path, channels: int, width: int, rate: int
) -> None:
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes(channels * width * 10))
    try:
        Recording(path).close()
        is_readable = True
    except RecordingError:
        is_readable = False
    assert fits(path, "recording") == is_readable


def test_who_has_other_sound_is_told_the_command_that_converts_it(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(b"ID3 is how an MP3 begins")
    said = misfit(path, path.name, SCHEMAS / "recording.json") or ""
    assert "ffmpeg -i SOUND -ac 1 -ar 16000 -c:a pcm_s16le NEW.wav" in said
