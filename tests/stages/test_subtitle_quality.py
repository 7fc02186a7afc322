"""The report on the cues: what is counted, and what is called avoidable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cue import Cue, Rules
from film_facts import FilmFacts, FilmFactsError, read_film_facts
from subtitle_quality import MOST_LISTED, RULES, judge

KEPT = Rules()


def cue(start: int, end: int, *lines: str) -> Cue:
    return Cue(start, end, lines, characters=len(" ".join(lines)))


GOOD = cue(0, 2000, "A line of words that can be read")


def broken(*cues: Cue) -> dict[str, bool]:
    """The rules that the cues break, and whether each is called avoidable."""
    return {found.rule: found.avoidable for found in judge(cues, KEPT).violations}


def test_a_cue_that_keeps_every_rule_is_not_listed() -> None:
    quality = judge([GOOD, cue(2080, 3000, "Yes.")], KEPT)
    assert quality.counts == dict.fromkeys(RULES, 0)
    assert str(quality) == "2 cues, every rule kept"


@pytest.mark.parametrize(
    ("cues", "rules"),
    [
        ([cue(0, 4000, "a" * 43)], {"unbreakable_word": False}),
        ([cue(0, 4000, "a " * 21 + "aa")], {"line_too_long": True}),
        ([cue(0, 4000, "one", "two", "three")], {"too_many_lines": True}),
        ([cue(0, 4000, "one", " ")], {"empty_line": True}),
        ([cue(0, 832, "Yes.")], {"too_short": True}),
        ([cue(0, 832, "Yes."), cue(912, 2000, "No.")], {"too_short": False}),
        ([cue(0, 7001, "Yes.")], {"too_long": True}),
        ([cue(0, 1000, "Yes."), cue(1079, 2000, "No.")], {"gap_too_small": True}),
        ([cue(0, 1000, "x" * 18)], {"faster_than_wanted": True}),
        ([cue(0, 1000, "x" * 18), cue(1080, 2000, "No.")], {"faster_than_wanted": False}),
        ([cue(0, 1000, "x" * 20), cue(1080, 2000, "No.")], {"faster_than_wanted": False}),
        ([cue(0, 1000, "x" * 21), cue(1080, 2000, "No.")], {"faster_than_cap": False}),
        ([cue(0, 1000, "x" * 21), cue(1081, 2000, "No.")], {"faster_than_cap": True}),
    ],
)
def test_each_rule_is_broken_just_beyond_its_limit(cues: list[Cue], rules: dict[str, bool]) -> None:
    assert broken(*cues) == rules


def test_a_violation_says_where_it_is_and_by_how_much() -> None:
    report = judge([GOOD, cue(2500, 3000, "Yes."), cue(3080, 5000, "No.")], KEPT).report()
    assert report["rules"]["too_short"] == 1
    assert report["violations"] == {
        "total": 1,
        "listed": [
            {
                "cue": 2,
                "start": 2.5,
                "rule": "too_short",
                "measured": 0.5,
                "limit": 0.833,
                "avoidable": False,
            }
        ],
    }


def test_of_many_violations_the_first_are_listed_and_all_are_counted() -> None:
    cues = [cue(n * 580, n * 580 + 500, "Yes.") for n in range(MOST_LISTED + 20)]
    violations = judge(cues, KEPT).report()["violations"]
    assert (violations["total"], len(violations["listed"])) == (MOST_LISTED + 20, MOST_LISTED)


@pytest.mark.parametrize(
    ("streams", "two_frames_ms"),
    [
        ([], 80),
        ([{"codec_type": "video", "avg_frame_rate": "24000/1001"}], 84),
        ([{"codec_type": "video", "avg_frame_rate": "0/0", "r_frame_rate": "50/1"}], 40),
        ([{"codec_type": "video", "avg_frame_rate": "90000/1"}], 80),
        ([{"codec_type": "audio", "avg_frame_rate": "50/1"}], 80),
        (
            [
                {
                    "codec_type": "video",
                    "avg_frame_rate": "50/1",
                    "disposition": {"attached_pic": 1},
                },
                {"codec_type": "video", "avg_frame_rate": "30/1"},
            ],
            67,
        ),
    ],
)
def test_two_frames_are_those_of_the_films_picture(
    tmp_path: Path, streams: list[object], two_frames_ms: int
) -> None:
    (tmp_path / "probe.json").write_text(json.dumps({"title": "T", "streams": streams}))
    facts = read_film_facts(tmp_path / "probe.json")
    assert (facts.title, facts.two_frames_ms) == ("T", two_frames_ms)


def test_without_a_probe_the_film_has_25_pictures_a_second() -> None:
    assert read_film_facts(None) == FilmFacts("", 25.0)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"streams": [1]}', '{"streams": 5}'])
def test_what_does_not_describe_a_film_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "probe.json").write_text(text)
    with pytest.raises(FilmFactsError, match=r"probe\.json does not describe a film"):
        read_film_facts(tmp_path / "probe.json")
