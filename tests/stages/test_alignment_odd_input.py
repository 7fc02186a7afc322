"""Stage 07 on what it cannot align: odd texts, another language, silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.stages.alignment_kit import (
    RATE,
    english,
    failure,
    give,
    give_text,
    pause,
    result,
    samples,
    segment,
    write_sound,
)
from tests.stages.containers import Stages

pytestmark = [pytest.mark.images, pytest.mark.engine]


def test_any_text_in_any_number_of_segments_ends_well(stages: Stages, tmp_path: Path) -> None:
    write_sound(tmp_path, pause(20))
    odd = [
        '"Quoted" {\\an8} <b>&amp;</b> --> x',
        "🙂🙃 ♪ la ♪",
        "שלום עולם مرحبا",
        "映画を見る。",
        "\ud800",
    ]
    entries = [
        segment(n * 0.002, n * 0.002 + 0.3, odd[n % len(odd)] if n % 7 else "yes sir")
        for n in range(10_000)
    ]
    entries += [segment(5, 5, "no time"), segment(9, 2, "backwards"), segment(6, 7, "")]
    entries += [segment(3, 4, "a" * 100_000), segment(3, 5, "word " * 20_000)]
    entries += [segment(500, 600, "far behind the end")]
    give(tmp_path, "06_asr", english(*entries))
    ended = stages.run("07_alignment", tmp_path)
    assert len(result(ended)) == len(entries)
    assert "does not fit the sound" in ended.warnings


def test_another_language_is_spread_over_the_speech_and_said_so(
    stages: Stages, tmp_path: Path
) -> None:
    write_sound(tmp_path, pause(20))
    give_text(tmp_path, "Il était une fois. Une petite fille.")
    refused = stages.run("07_alignment", tmp_path, SOURCE_LANGUAGE="fr")
    assert "neither 06_asr nor 05_vad found speech" in failure(refused, "NothingToAlignError")
    give(tmp_path, "05_vad", {"segments": [{"start": 2, "end": 4}, {"start": 10, "end": 12}]})
    ended = stages.run("07_alignment", tmp_path, SOURCE_LANGUAGE="fr")
    first, second = result(ended)
    assert (first["start"], second["end"]) == (2, 12)
    assert json.loads((ended.folder / "segments.json").read_text())["language"] == "fr"
    assert "7 words have estimated times" in ended.warnings
    options = {"SOURCE_LANGUAGE": "fr", "ALIGN_ENGINE": "pocketsphinx"}
    failure(stages.run("07_alignment", tmp_path, **options), "UnsupportedLanguageError")
    failure(stages.run("07_alignment", tmp_path, SOURCE_LANGUAGE="auto"), "NothingToAlignError")


def test_a_second_of_sound_is_enough(stages: Stages, tmp_path: Path) -> None:
    write_sound(tmp_path, samples("0870")[:RATE])
    give(tmp_path, "06_asr", english(segment(0, 1, "and")))
    (found,) = result(stages.run("07_alignment", tmp_path))
    assert 0 <= found["start"] < found["end"] <= 1


def test_silence_gives_an_empty_transcript_or_refuses_a_text(
    stages: Stages, tmp_path: Path
) -> None:
    write_sound(tmp_path, pause(60))
    failure(stages.run("07_alignment", tmp_path), "NothingToAlignError")
    give(tmp_path, "06_asr", english())
    give(tmp_path, "05_vad", {"segments": []})
    ended = stages.run("07_alignment", tmp_path)
    assert result(ended) == []
    assert (ended.folder / "transcript.txt").read_text() == ""
    assert "Nothing is said" in ended.warnings
    give_text(tmp_path, "But somebody spoke.")
    assert "Nobody speaks" in failure(stages.run("07_alignment", tmp_path), "NothingToAlignError")
