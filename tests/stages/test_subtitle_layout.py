"""The layout of subtitles, by example."""

from __future__ import annotations

import time

import pytest
from cue import Rules, RulesError
from graphemes import is_wide
from layout import lay_out
from subtitle_quality import judge

from shared.speech import Speech
from shared.transcript import Segment, Word
from tests.stages.subtitle_texts import CHINESE, shown, solid


def lines_of(text: str, seconds: float = 60.0, language: str = "en") -> list[tuple[str, ...]]:
    return [cue.lines for cue in lay_out([Segment(0, seconds, text)], Rules(), language=language)]


def test_cues_take_their_times_from_the_words() -> None:
    spoken = tuple(Word(f"word{n:02}", n, n + 0.5) for n in range(20))
    segment = Segment(0, 20, " ".join(word.word for word in spoken), words=spoken)
    for cue in lay_out([segment], Rules()):
        first = int(cue.lines[0][4:6])
        assert cue.start_ms == first * 1000
        assert cue.end_ms >= int(cue.lines[-1][-2:]) * 1000 + 500


def test_words_that_differ_from_the_text_in_punctuation_still_give_the_times() -> None:
    spoken = (Word("hello", 1, 2), Word("world", 5, 5.5))
    first, second = lay_out([Segment(0, 9, "Hello! World?", words=spoken)], Rules())
    assert (first.start_ms, second.start_ms) == (1000, 5000)


def test_text_without_times_of_words_shows_where_speech_is_heard() -> None:
    segment = Segment(0.0, 10.0, "aaaa bbbb. cccc dddd.")
    speech = [Speech(1.0, 2.0), Speech(7.0, 8.0), Speech(11.0, 12.0)]
    first, second = lay_out([segment], Rules(), speech=speech)
    assert (first.start_ms, first.lines) == (1000, ("aaaa bbbb.",))
    assert (second.start_ms, second.lines) == (7000, ("cccc dddd.",))
    assert second.end_ms <= 8000 + 833


def test_text_for_which_a_segment_is_too_short_takes_the_silence_after_it() -> None:
    text = "Nobody can read so long a sentence within a tenth of a second."
    first, second = lay_out([Segment(1, 1.1, text), Segment(9, 10, "Yes.")], Rules())
    assert first.length_ms >= Rules().wanted_ms(len(text))
    assert second.start_ms == 9000


def test_who_speaks_at_the_same_time_waits_until_the_other_can_be_read() -> None:
    both = [Segment(1.0, 3.0, "One"), Segment(1.0, 3.0, "Two")]
    first, second = lay_out(both, Rules())
    assert (first.start_ms, first.end_ms) == (1000, 1833)
    assert (second.start_ms, second.end_ms) == (1913, 3000)


def test_short_sentences_share_a_cue_when_each_alone_would_flash_by() -> None:
    said = [Segment(n * 0.4, n * 0.4 + 0.4, text) for n, text in enumerate(["No.", "Yes.", "No!"])]
    assert [cue.lines for cue in lay_out(said, Rules())] == [("No. Yes. No!",)]


def test_sentences_that_have_time_are_not_merged() -> None:
    said = [Segment(0, 2, "The bridge is closed."), Segment(2, 4, "The water is high.")]
    assert [cue.lines for cue in lay_out(said, Rules())] == [
        ("The bridge is closed.",),
        ("The water is high.",),
    ]


def test_a_cue_shows_on_in_the_silence_until_it_can_be_read() -> None:
    text = "These are more words than half a second has room for."
    (cue,) = lay_out([Segment(1, 1.5, text)], Rules())
    assert cue.length_ms == -(-len(text) * 1000 // 17)


def test_cues_end_two_frames_before_the_next() -> None:
    said = [Segment(0, 2, "The bridge is closed."), Segment(2, 4, "The water is high.")]
    first, second = lay_out(said, Rules(gap_ms=84))
    assert (first.end_ms, second.start_ms) == (1916, 2000)


def test_a_pause_ends_a_cue() -> None:
    spoken = (Word("one", 0, 1), Word("two", 1.1, 2), Word("three", 3.1, 4))
    cues = lay_out([Segment(0, 4, "one two three", words=spoken)], Rules())
    assert [cue.lines for cue in cues] == [("one two",), ("three",)]


@pytest.mark.parametrize(("seconds", "ms"), [(2.3, 2300), (1.0005, 1001), (0.9994999, 999)])
def test_times_are_rounded_half_up(seconds: float, ms: int) -> None:
    (cue,) = lay_out([Segment(seconds, 5, "So.", words=(Word("So.", seconds, 5),))], Rules())
    assert cue.start_ms == ms


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\x00", "\ufeff", "\u200b", "\u200e \u2060"])
def test_nothing_to_see_makes_no_cue(text: str) -> None:
    assert lay_out([Segment(0, 1, text)], Rules()) == []


@pytest.mark.parametrize("language", ["zh", "ja", "und"])
def test_chinese_lines_hold_sixteen_letters_and_never_begin_with_a_comma(language: str) -> None:
    lines = [line for cue in lines_of(CHINESE * 3, 20, language) for line in cue]
    assert all(len(line) <= 16 for line in lines)
    assert not any(line[0] in "\uff0c\u3002" for line in lines)
    assert all(line[-1] in "\uff0c\u3002" for line in lines)


def test_korean_words_stay_whole() -> None:
    text = "강물이 밤사이에 불어나서 오래된 다리가 폐쇄되었고 아무도 비가 언제 그칠지 몰랐다"
    assert " ".join(line for cue in lines_of(text, 20, "ko") for line in cue) == text


def test_rules_that_contradict_each_other_are_refused_by_name() -> None:
    with pytest.raises(RulesError, match="SUBTITLE_READING_SPEED "):
        Rules(reading_speed=21)
    with pytest.raises(RulesError, match="SUBTITLE_MIN_DURATION"):
        Rules(shortest_ms=8000)


def test_ten_thousand_segments_take_less_than_ten_seconds() -> None:
    text = "the old bridge was closed because the water came up in the night."
    spoken = text.split()
    said = []
    for number in range(10_000):
        start = number * 5.0
        timed = [
            Word(word, start + n * 0.3, start + n * 0.3 + 0.3) for n, word in enumerate(spoken)
        ]
        said.append(Segment(start, start + 4.8, text, words=tuple(timed)))
    begun = time.process_time()
    cues = lay_out(said, Rules(), language="en")
    assert time.process_time() - begun < 10
    assert len(cues) == 10_000
    assert sum(judge(cues, Rules()).counts.values()) == 0


def test_a_word_of_a_hundred_thousand_letters_is_one_line_and_is_listed() -> None:
    cues = lay_out([Segment(0, 5, "x" * 100_000)], Rules())
    assert [len(cue.lines) for cue in cues] == [1]
    assert judge(cues, Rules()).counts["unbreakable_word"] == 1


def test_a_segment_of_a_hundred_thousand_letters_keeps_every_rule_of_lines() -> None:
    text = "word by word " * 7700
    cues = lay_out([Segment(0, 5, text)], Rules())
    assert shown(cues) == solid(text)
    assert judge(cues, Rules()).avoidable == 0


def test_segments_without_any_length_are_still_readable_one_after_the_other() -> None:
    said = [Segment(n * 5.0, n * 5.0, "The water came up in the night.") for n in range(20)]
    assert sum(judge(lay_out(said, Rules()), Rules()).counts.values()) == 0


def test_a_script_of_wide_letters_is_known_by_its_letters() -> None:
    assert [is_wide(text) for text in ("東京タワー", "한국어", "Tokyo (東京)")] == [
        True,
        True,
        False,
    ]


def test_a_word_thrown_in_shows_while_the_other_still_talks() -> None:
    spoken = [Word(f"word{n}", n * 0.5, n * 0.5 + 0.5) for n in range(30)]
    long = Segment(0, 15, " ".join(word.word for word in spoken), words=tuple(spoken))
    cues = lay_out([long, Segment(6.0, 6.5, "Really?")], Rules())
    (thrown_in,) = [cue for cue in cues if cue.lines == ("Really?",)]
    assert 6000 <= thrown_in.start_ms <= 8000
    assert thrown_in.length_ms >= 833
