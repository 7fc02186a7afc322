"""The layout of subtitles, tried with any text and any times."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence

import pytest
from caption_text import clean, pieces
from cue import Cue, Rules, RulesError
from graphemes import is_wide, width
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layout import lay_out
from subtitle_files import ass_text, srt_text, vtt_text
from subtitle_quality import judge

from shared.speech import Speech
from shared.transcript import Segment, Word
from tests.stages.subtitle_readers import STAND_INS, WORD_JOINER, read_ass, read_srt, read_vtt

AWKWARD = (
    *("{", "}", "{\\an8}", "\\N", "a\\", "-->", "<i>", "</b", "&amp;", "&lt", "1984", "\n\n", "\r"),
    *("\x00", "\ufeff", "\ud800", "\u200b", "\u2028", "10\u00a0km", "7 %", "Mr. X", "«Quoi ?»"),
    *("शुक्रिया", "مرحبا", "שָׁלוֹם", "สวัสดีครับ", "👩‍👩‍👧", "🇩🇪", "e\u0301"),
)
CHINESE = "河水在夜里上涨\uff0c旧桥被关闭了\u3002没有人知道雨会下多久\u3002"
letters = st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=9)
letters = letters.filter(lambda text: not set(text) & {*STAND_INS, WORD_JOINER})
plain_words = st.from_regex(r"[a-z]{1,12}[.,?]?", fullmatch=True)
words = st.one_of(plain_words, st.sampled_from(AWKWARD), letters)
han = st.text(alphabet=CHINESE, max_size=60)
texts = st.one_of(st.lists(words, max_size=40).map(" ".join), han)
times = st.floats(min_value=-5, max_value=3600, allow_nan=False)
close_times = st.floats(min_value=0, max_value=20, allow_nan=False)
# The first text of a run is slow to make, and other tests may keep the machine busy.
in_its_own_time = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
rules = st.builds(
    Rules,
    line_length=st.integers(10, 100),
    lines=st.integers(1, 4),
    reading_speed=st.floats(5, 17),
    reading_speed_cap=st.floats(17, 30),
    shortest_ms=st.integers(200, 2000),
    longest_ms=st.integers(2000, 9000),
    gap_ms=st.integers(20, 200),
)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """Any text, any times, in or out of order; with its words or, as a translation, without."""
    when = draw(st.sampled_from([times, close_times]))
    text = draw(texts)
    spoken = text.split() if draw(st.booleans()) else []
    return Segment(
        text=text,
        start=draw(when),
        end=draw(when),
        words=tuple(Word(word, draw(when), draw(when)) for word in spoken),
    )


transcripts = st.lists(segments(), max_size=8)
stretches = st.lists(st.tuples(close_times, close_times).map(sorted).map(lambda x: Speech(*x)))


def solid(text: str) -> str:
    return "".join(text.split())


def shown(cues: Sequence[Cue]) -> str:
    return solid("".join("".join(cue.lines) for cue in cues))


def spoken_text(spoken: list[Segment]) -> str:
    return "".join(solid(clean(segment.text)) for segment in spoken)


@in_its_own_time
@given(transcripts, rules, stretches)
def test_no_character_is_lost_or_added(
    spoken: list[Segment], kept: Rules, speech: list[Speech]
) -> None:
    assert sorted(shown(lay_out(spoken, kept, speech=speech))) == sorted(spoken_text(spoken))


@in_its_own_time
@given(segments(), rules)
def test_words_of_a_segment_stay_in_order(segment: Segment, kept: Rules) -> None:
    assert shown(lay_out([segment], kept)) == spoken_text([segment])


@in_its_own_time
@given(transcripts, rules, stretches)
def test_cues_are_apart_by_two_frames_and_never_too_long(
    spoken: list[Segment], kept: Rules, speech: list[Speech]
) -> None:
    cues = lay_out(spoken, kept, speech=speech)
    assert all(cue.start_ms >= 0 and 0 < cue.length_ms <= kept.longest_ms for cue in cues)
    for cue, later in itertools.pairwise(cues):
        assert cue.end_ms + kept.gap_ms <= later.start_ms


@in_its_own_time
@given(transcripts, rules)
def test_lines_are_few_and_short_unless_a_word_is_longer(
    spoken: list[Segment], kept: Rules
) -> None:
    for cue in lay_out(spoken, kept):
        assert 1 <= len(cue.lines) <= kept.lines
        for line in cue.lines:
            assert line == line.strip() != ""
            assert width(line) <= cue.columns or len(pieces(line, cue.columns)) == 1


@in_its_own_time
@given(transcripts, rules, stretches)
def test_every_broken_rule_is_counted_and_none_could_have_been_kept(
    spoken: list[Segment], kept: Rules, speech: list[Speech]
) -> None:
    cues = lay_out(spoken, kept, speech=speech)
    quality = judge(cues, kept)
    assert quality.avoidable == 0
    assert quality.counts["too_short"] == sum(cue.length_ms < kept.shortest_ms for cue in cues)
    for cue, later in itertools.zip_longest(cues, cues[1:]):
        is_slow = cue.length_ms >= kept.wanted_ms(cue.characters)
        is_stopped = later is not None and later.start_ms - kept.gap_ms == cue.end_ms
        assert is_slow or is_stopped or cue.length_ms == kept.longest_ms


@in_its_own_time
@given(transcripts, rules)
def test_every_format_shows_what_is_said(spoken: list[Segment], kept: Rules) -> None:
    cues = lay_out(spoken, kept)
    for read, text in (
        (read_srt, srt_text(cues)),
        (read_vtt, vtt_text(cues)),
        (read_ass, ass_text(cues)),
    ):
        text.encode("utf-8")
        found = read(text)
        assert [cue.lines for cue in found] == [cue.lines for cue in cues]
        most = 5 if read is read_ass else 0
        for there, cue in zip(found, cues, strict=True):
            assert abs(there.start_ms - cue.start_ms) <= most
            assert abs(there.end_ms - cue.end_ms) <= most


# ---- No division into cues keeps more rules: every one is tried. ----


@st.composite
def utterances(draw: st.DrawFn) -> list[Segment]:
    """At most nine words, spoken one after the other at any speed, with short and long pauses."""
    moment, said = 0.5, []
    spoken: list[Word] = []
    for _ in range(draw(st.integers(1, 9))):
        word = "x" * draw(st.integers(1, 24)) + draw(st.sampled_from(["", ",", "."]))
        end = moment + draw(st.integers(2, 20)) / 10
        spoken.append(Word(word, round(moment, 3), round(end, 3)))
        moment = end + draw(st.sampled_from([0, 0, 0, 0.1, 0.4, 0.9, 1.5]))
        if draw(st.integers(0, 3)) == 0:
            said.append(said_at_once(spoken))
            spoken = []
    return [*said, said_at_once(spoken)] if spoken else said


def said_at_once(spoken: list[Word]) -> Segment:
    text = " ".join(word.word for word in spoken)
    return Segment(spoken[0].start, spoken[-1].end, text, words=tuple(spoken))


def divisions(count: int) -> Iterator[list[tuple[int, int]]]:
    """Every way to divide so many words into cues, as first and last."""
    for cuts in itertools.product([False, True], repeat=count - 1):
        ends = [number for number, cut in enumerate(cuts) if cut] + [count - 1]
        yield list(zip([0, *(end + 1 for end in ends)], ends, strict=False))


def lines_needed(texts: Sequence[str], columns: int) -> int:
    lines = [texts[0]]
    for text in texts[1:]:
        if len(lines[-1]) + 1 + len(text) <= columns:
            lines[-1] += " " + text
        else:
            lines.append(text)
    return len(lines)


def broken(spoken: Sequence[Word], division: list[tuple[int, int]], kept: Rules) -> int | None:
    """How many cues are too short or too fast; None for a division that is not allowed."""
    count = 0
    for first, last in division:
        inside = spoken[first : last + 1]
        pauses = [later.start - word.end for word, later in itertools.pairwise(inside)]
        is_long = last > first and inside[-1].end - inside[0].start > kept.longest_ms / 1000
        lines = lines_needed([word.word for word in inside], kept.line_length)
        if lines > kept.lines or is_long or any(pause >= 0.9999 for pause in pauses):
            return None
        room = kept.longest_ms
        if last + 1 < len(spoken):
            until = round(spoken[last + 1].start * 1000) - kept.gap_ms
            room = min(room, until - round(inside[0].start * 1000))
        characters = len(" ".join(word.word for word in inside))
        is_fast = characters * 1000 > room * kept.reading_speed_cap
        count += room < kept.shortest_ms or is_fast
    return count


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(utterances())
def test_no_other_division_into_cues_breaks_fewer_rules(said: list[Segment]) -> None:
    kept = Rules()
    spoken = [word for segment in said for word in segment.words]
    quality = judge(lay_out(said, kept), kept)
    ours = len(
        {
            violation.cue
            for violation in quality.violations
            if violation.rule in ("too_short", "faster_than_cap")
        }
    )
    every = [broken(spoken, way, kept) for way in divisions(len(spoken))]
    assert ours <= min(count for count in every if count is not None)


# ---- Examples. ----


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
