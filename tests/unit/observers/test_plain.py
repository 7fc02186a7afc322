"""What others wrote cannot steer a terminal, and fits its columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.observers.plain import cells, cropped, plain, plain_lines, wrapped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("one\rtwo\nthree", "one\\rtwo\\nthree"),
        ("\x9b31m", "\\x9b31m"),
        ("film\u202egpj.mkv", "film\\u202egpj.mkv"),
        ("a\u2028b", "a\\u2028b"),
        ("\udcff", "\\udcff"),
        ("Ñandú – 字幕", "Ñandú – 字幕"),  # noqa: RUF001 - a dash is meant
    ],
)
def test_whatever_steers_a_terminal_becomes_visible(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text())
def test_no_text_gets_a_control_character_through(text: str) -> None:
    shown = plain(text)
    assert not any(sign < " " or "\x7f" <= sign < "\xa0" for sign in shown)
    shown.encode("utf-8")


def test_lines_stay_lines_and_tabs_become_blanks() -> None:
    assert plain_lines("a\tb\r\nc\x00") == ["a    b", "c\\x00"]


@given(st.text(), st.integers(min_value=0, max_value=40))
def test_a_cropped_text_never_takes_more_columns(text: str, width: int) -> None:
    assert cells(cropped(plain(text), width)) <= width


def test_wide_characters_count_twice() -> None:
    assert cells("字幕ab") == 6
    assert cropped("字幕ab", 4) == "字…"


def test_wrapped_lines_keep_their_indentation_and_all_their_words() -> None:
    lines = list(wrapped("  one two three four", 10))
    assert lines == ["  one two", "  three", "  four"]
