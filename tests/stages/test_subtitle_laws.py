"""What holds for the layout of subtitles with any text and any times."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from caption_text import clean, pieces
from cue import Rules
from graphemes import width
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layout import lay_out
from subtitle_files import ass_text, srt_text, vtt_text
from subtitle_quality import judge

from shared.speech import Speech
from shared.transcript import Segment, Word
from tests.stages.subtitle_readers import STAND_INS, WORD_JOINER, read_ass, read_srt, read_vtt
from tests.stages.subtitle_texts import CHINESE, shown, solid

AWKWARD = (
    *("{", "}", "{\\an8}", "\\N", "a\\", "-->", "<i>", "</b", "&amp;", "&lt", "1984", "\n\n", "\r"),
    *("\x00", "\ufeff", "\ud800", "\u200b", "\u2028", "10\u00a0km", "7 %", "Mr. X", "«Quoi ?»"),
    *("शुक्रिया", "مرحبا", "שָׁלוֹם", "สวัสดีครับ", "👩‍👩‍👧", "🇩🇪", "e\u0301"),
)
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
