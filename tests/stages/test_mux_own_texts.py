"""How stage 10 mends a film's own texts that become a simpler kind of text."""

from __future__ import annotations

import pytest
from own_texts import Event, mended


def event(start: str, end: str, text: str) -> Event:
    return Event("Dialogue: 0", start, end, "Default,,0,0,0,", text)


SIGN = event("0:00:01.00", "0:00:09.00", r"{\an8\i1}A sign")
SAID = event("0:00:01.00", "0:00:10.00", "Two,\\Nthree")
LATER = event("9:59:59.00", "10:00:00.00", "later")


def test_only_those_that_start_together_become_one_which_ends_with_the_last() -> None:
    joined = event("0:00:01.00", "0:00:10.00", r"{\an8\i1}A sign{\r}\NTwo,\Nthree")
    assert mended([SIGN, SAID, LATER], joins=True) == (joined, LATER)


def test_where_two_can_show_at_once_they_stay_two() -> None:
    assert mended([SIGN, SAID, LATER], joins=False) == (SIGN, SAID, LATER)


def test_a_shadow_does_not_repeat_its_text() -> None:
    shadow = event("0:00:01.00", "0:00:05.00", r"{\pos(1,2)\blur3}A sign")
    (joined,) = mended([shadow, SIGN], joins=True)
    assert (joined.text, joined.end) == (r"{\an8\i1}A sign", SIGN.end)


def test_events_come_in_the_order_of_time_also_after_ten_hours() -> None:
    last = event("10:00:00.00", "10:00:01.00", "last")
    assert mended([last, LATER, SIGN], joins=True) == (SIGN, LATER, last)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (r"{\p1}m 0 0 l 10 10{\p0}", None),
        (r"{\an7\p2\c&H00&}m 0 0{\blur1}l 1 1", None),
        (r"{\p1}m 0 0{\p0} and text", r"{\p1}{\p0} and text"),
        (r"{\pos(1,2)\pbo3}stays {as it is}", r"{\pos(1,2)\pbo3}stays {as it is}"),
    ],
)
def test_outlines_of_drawings_are_no_text(text: str, left: str | None) -> None:
    found = mended([event("0:00:01.00", "0:00:02.00", text)], joins=False)
    assert [e.text for e in found] == ([] if left is None else [left])
