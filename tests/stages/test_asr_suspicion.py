"""Which segments stage 06 doubts, and which it does not."""

from __future__ import annotations

import time

import pytest
from suspicion import Limits, compression_ratio, mark_suspects, plain_text, repeated_phrase

from shared.transcript import Segment

LIMITS = Limits(confidence=0.2, compression_ratio=2.4, repeats=2)
HINDI = "मैं कल सुबह अपने भाई के साथ बाज़ार जाऊँगा और वहाँ से कुछ सब्ज़ियाँ और फल लेकर आऊँगा।"
ENGLISH = "Tomorrow morning I shall go to the market with my brother and buy some fruit there."


def doubts(*texts: str, confidence: float | None = 0.9) -> list[str | None]:
    segments = [Segment(number, number + 1, text, confidence) for number, text in enumerate(texts)]
    return [segment.suspect for segment in mark_suspects(segments, LIMITS)]


def test_no_segment_is_dropped_or_changed_but_for_the_mark() -> None:
    loop = [Segment(0, 1, "Stay here.", 0.9), Segment(1, 2, "", 0.9), Segment(1, 1, "♪ ♪", None)]
    marked = mark_suspects(loop * 2, LIMITS)
    assert [(part.start, part.text) for part in marked] == [
        (part.start, part.text) for part in loop * 2
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Okay.",
        "Thank you.",
        "No.",
        "Hi",
        "ना",
        "जा",
        "好。",
        "No, no, no, no, no!",
        "Thank you, thank you, thank you.",
        "Go! Go! Go! Go!",
        "Ha ha ha ha ha ha.",
        "Don't forget to call me.",
        "Thanks for watching the children, subscribe to the paper at www.example.org.",
        HINDI,
        ENGLISH,
        "はい、はい、はい、わかりました。",
        '<i>He said "{x}" & left</i> 🙂 --> שלום',
    ],
)
def test_real_dialogue_survives_unmarked(text: str) -> None:
    assert doubts(text) == [None]
    assert doubts(text, text) == [None, None]


def test_what_the_engine_was_unsure_of_is_marked() -> None:
    assert doubts("Okay.", confidence=0.1) == ["the engine is unsure: confidence 0.10"]
    assert doubts("Okay.", confidence=None) == [None]


@pytest.mark.parametrize(
    "text",
    [
        "I'm going to the airport. " * 5,
        "मैं हवाई अड्डे जा रहा हूँ। " * 5,
        "no " * 40,
        "你好吗我很好" * 8,
        "a" * 100_000,
    ],
)
def test_a_loop_inside_a_segment_is_marked_in_every_script(text: str) -> None:
    [reason] = doubts(text)
    assert reason is not None
    assert reason.startswith("a loop: the same")


@pytest.mark.parametrize("text", ["Stay here.", "ना", "No!"])
def test_the_same_three_times_in_a_row_is_marked(text: str) -> None:
    other = [text.upper(), text, text.lower() + " …"]
    reasons = doubts("Before.", *other, "After.")
    assert reasons == [None, *["the same text 3 times in a row"] * 3, None]


def test_segments_without_letters_are_no_repetition() -> None:
    assert doubts("♪", "…", "-", "") == [None] * 4


def test_a_mark_that_is_there_stays() -> None:
    segment = Segment(0, 1, "Okay.", 0.01, suspect="the engine hears no speech")
    assert mark_suspects([segment], LIMITS) == (segment,)


def test_scripts_of_many_bytes_compress_as_others_do() -> None:
    assert compression_ratio(HINDI) == pytest.approx(compression_ratio(ENGLISH), abs=0.25)
    assert compression_ratio(HINDI * 4) > 2.4
    assert compression_ratio("".join(map(chr, range(0x4E00, 0x4F40)))) < 2
    assert compression_ratio("") == 0


def test_letters_are_compared_with_their_marks() -> None:
    assert plain_text("  Où est-il, ना? ") == "oùestilना"
    assert plain_text("न") != plain_text("ना")


def test_a_phrase_counts_where_it_is_repeated_without_a_break() -> None:
    assert repeated_phrase("xy" + "abcdefghij" * 3 + "z", 2) == ("abcdefghij", 3)
    assert repeated_phrase("abcdefghij" * 2, 2) is None
    assert repeated_phrase("abcdefghij1abcdefghij2abcdefghij3", 2) is None


def test_a_segment_with_a_hundred_thousand_letters_takes_no_time() -> None:
    text = "".join(chr(0x4E00 + number * number % 19997) for number in range(100_000))
    began = time.perf_counter()
    assert doubts(text) == [None]
    assert time.perf_counter() - began < 5
