"""How stage 05 makes segments of probabilities."""

from __future__ import annotations

from itertools import pairwise

import pytest
from voice_segments import VoiceRules, find_speech

from shared.speech import Speech

FRAME = 0.1
BARE = VoiceRules(min_speech=0.2, min_silence=0.3, padding=0)


def found(pattern: str, rules: VoiceRules = BARE) -> list[Speech]:
    """The segments of a pattern with a frame a letter: S for sure, ? for perhaps, a dot for no."""
    likelihood = {"S": 0.9, "?": 0.4, ".": 0.05}
    probabilities = [likelihood[letter] for letter in pattern]
    return find_speech(probabilities, FRAME, len(pattern) * FRAME, rules)


def times(segments: list[Speech]) -> list[tuple[float, float]]:
    return [(round(segment.start, 3), round(segment.end, 3)) for segment in segments]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", []),
        ("..........", []),
        ("..SSSSS...", [(0.2, 0.7)]),
        ("SSSSSSSSSS", [(0, 1.0)]),
        ("..SSS....SSSS..", [(0.2, 0.5), (0.9, 1.3)]),
        ("..SSS..SSSS...", [(0.2, 1.1)]),  # the pause is too short
        ("..S.......SSS...", [(1.0, 1.3)]),  # the first is too short
        ("..SSS???....", [(0.2, 0.8)]),  # perhaps goes on, …
        ("..???SSS....", [(0.5, 0.8)]),  # … but never begins, …
        ("..SSS.??....", [(0.2, 0.5)]),  # … nor ends a pause
        ("..SSSS.", [(0.2, 0.6)]),
    ],
)
def test_segments_begin_and_end_where_the_rules_say(
    pattern: str, expected: list[tuple[float, float]]
) -> None:
    assert times(found(pattern)) == expected


def test_padding_stays_inside_the_recording_and_never_overlaps() -> None:
    padded = VoiceRules(min_speech=0, min_silence=0.3, padding=0.5)
    assert times(found("..SS....SS.", padded)) == [(0, 0.6), (0.6, 1.1)]


def test_a_threshold_of_nearly_nothing_still_lets_speech_end() -> None:
    rules = VoiceRules(threshold=0.05, hysteresis=0.5, min_speech=0, min_silence=0.2, padding=0)
    assert find_speech([0.9, 0.0, 0.0, 0.0], FRAME, 0.4, rules) == [Speech(0, 0.1)]


@pytest.mark.parametrize("padding", [0, 0.017, 0.2, 5])
def test_any_sequence_gives_sorted_segments_inside_the_recording(padding: float) -> None:
    rules = VoiceRules(padding=padding, min_silence=0.05, min_speech=0)
    likely = [(number * number * 7 % 23) / 23 for number in range(1000)]
    segments = find_speech(likely, 0.032, 31.9999, rules)
    assert len(segments) > 20
    assert all(0 <= segment.start < segment.end <= 31.9999 for segment in segments)
    assert all(before.end <= after.start for before, after in pairwise(segments))
