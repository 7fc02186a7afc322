"""The layout of subtitles, tried with any text and any times."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layout import READABLE_MS, SHORTEST_MS, Cue, Layout, lay_out
from line_breaking import clean, width
from subtitle_files import srt_text, vtt_text

from shared.transcript import Segment, Word

AWKWARD = ("{", "}", "\\N", "-->", "<i>", "&amp;", "1984", "\n\n", "\r", "\x00", "\ufeff", "\ud800")
# Full-width comma and full stop are written by name: they look like their narrow brothers.
CHINESE = "河水在夜里上涨\uff0c旧桥被关闭了\u3002没有人知道雨会下多久\u3002"
letters = st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=9)
plain_words = st.from_regex(r"[a-z]{1,12}[.,?]?", fullmatch=True)
words = st.one_of(plain_words, st.sampled_from(AWKWARD), letters)
han = st.text(alphabet=CHINESE, max_size=60)
texts = st.one_of(st.lists(words, max_size=40).map(" ".join), han)
times = st.floats(min_value=-5, max_value=3600, allow_nan=False)
# The first text of a run is slow to make, and other tests may keep the machine busy.
in_its_own_time = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
layouts = st.builds(Layout, line_length=st.integers(10, 100), lines=st.integers(1, 4))


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """Any text, any times, in or out of order; with its words or, as a translation, without."""
    text = draw(texts)
    spoken = text.split() if draw(st.booleans()) else []
    return Segment(
        text=text,
        start=draw(times),
        end=draw(times),
        words=tuple(Word(word, draw(times), draw(times)) for word in spoken),
    )


transcripts = st.lists(segments(), max_size=8)


def shown(cues: list[Cue]) -> str:
    return "".join("".join(line for line in cue.lines) for cue in cues).replace(" ", "")


def spoken_text(spoken: list[Segment]) -> str:
    return "".join("".join(clean(segment.text).split()) for segment in spoken)


@in_its_own_time
@given(transcripts, layouts)
def test_no_character_is_lost_or_added(spoken: list[Segment], layout: Layout) -> None:
    assert sorted(shown(lay_out(spoken, layout))) == sorted(spoken_text(spoken))


@in_its_own_time
@given(segments(), layouts)
def test_words_of_a_segment_stay_in_order(segment: Segment, layout: Layout) -> None:
    assert shown(lay_out([segment], layout)) == spoken_text([segment])


@in_its_own_time
@given(transcripts, layouts)
def test_cues_last_and_never_overlap(spoken: list[Segment], layout: Layout) -> None:
    cues = lay_out(spoken, layout)
    assert all(cue.start_ms >= 0 and cue.end_ms - cue.start_ms >= SHORTEST_MS for cue in cues)
    assert all(cue.end_ms <= later.start_ms for cue, later in itertools.pairwise(cues))


@in_its_own_time
@given(transcripts, layouts)
def test_lines_are_few_and_short_unless_a_word_is_longer(
    spoken: list[Segment], layout: Layout
) -> None:
    for cue in lay_out(spoken, layout):
        assert 1 <= len(cue.lines) <= layout.lines
        for line in cue.lines:
            assert line == line.strip() != ""
            assert width(line) <= layout.line_length or " " not in line


@in_its_own_time
@given(transcripts, layouts)
def test_files_hold_exactly_the_cues(spoken: list[Segment], layout: Layout) -> None:
    cues = lay_out(spoken, layout)
    for text in (srt_text(cues), vtt_text(cues)):  # each reads its file back and compares
        text.encode("utf-8")
        assert text.count("-->") == len(cues)


def test_chinese_is_broken_without_spaces_and_counts_double() -> None:
    cues = lay_out([Segment(0.0, 10.0, CHINESE * 2)], Layout())
    assert all(len(line) <= 21 for cue in cues for line in cue.lines)
    assert not any(line[0] in "\uff0c\u3002" for cue in cues for line in cue.lines)


def test_korean_words_stay_whole() -> None:
    text = "강물이 밤사이에 불어나서 오래된 다리가 폐쇄되었고 아무도 비가 언제 그칠지 몰랐다"
    lines = [line for cue in lay_out([Segment(0, 9, text)], Layout(20, 2)) for line in cue.lines]
    assert " ".join(lines) == text


def test_a_word_longer_than_a_line_has_a_line_for_itself() -> None:
    word = "x" * 60
    (cue,) = lay_out([Segment(0, 2, f"short {word}")], Layout())
    assert cue.lines == ("short", word)


def test_two_lines_are_about_as_long() -> None:
    text = "The old bridge was closed because the water came up in the night."
    (cue,) = lay_out([Segment(0, 3, text)], Layout())
    assert cue.lines == ("The old bridge was closed because", "the water came up in the night.")


def test_cues_take_their_times_from_the_words() -> None:
    spoken = tuple(Word(f"word{n:02}", n, n + 0.5) for n in range(20))
    segment = Segment(0, 20, " ".join(word.word for word in spoken), words=spoken)
    cues = lay_out([segment], Layout())
    assert [(cue.start_ms, cue.end_ms) for cue in cues] == [(0, 11500), (12000, 19500)]


def test_who_speaks_at_the_same_time_waits_until_the_other_can_be_read() -> None:
    both = [Segment(1.0, 3.0, "One"), Segment(1.0, 3.0, "Two")]
    first, second = lay_out(both, Layout())
    assert (first.start_ms, first.end_ms) == (1000, 1000 + READABLE_MS)
    assert (second.start_ms, second.end_ms) == (1000 + READABLE_MS, 3000)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\x00", "\ufeff"])
def test_nothing_said_makes_no_cue(text: str) -> None:
    assert lay_out([Segment(0, 1, text)], Layout()) == []


@pytest.mark.parametrize(
    ("text", "in_srt"),
    [
        ("{\\an8}up there", "(/an8)up there"),
        ("left --> right", "left → right"),
        ("one\n\n2\ntwo", "one 2 two"),
        ("Tom & <b>", "Tom & <b>"),
        (r"C:\New", "C:/New"),
    ],
)
def test_what_players_would_swallow_is_still_readable(text: str, in_srt: str) -> None:
    assert srt_text(lay_out([Segment(0, 1, text)], Layout())).splitlines()[2:] == [in_srt, ""]


def test_webvtt_escapes_what_it_would_read_as_markup() -> None:
    text = vtt_text(lay_out([Segment(0, 1, "Tom & <b> > x")], Layout()))
    assert text.splitlines()[-2] == "Tom &amp; &lt;b&gt; &gt; x"
