"""How reports print their lines."""

from runner.cli.tables import Cell, indented, one_line, table


def test_columns_are_as_wide_as_their_widest_cell_and_the_last_is_not_padded() -> None:
    lines = table([("a", "1", "x"), ("long name", "22", "")], ("name", "n", "note"))
    assert lines == ["name       n   note", "a          1   x", "long name  22"]


def test_wide_characters_take_two_columns() -> None:
    assert table([("字幕", "x"), ("abcd", "x")]) == ["字幕  x", "abcd  x"]


def test_no_escape_code_is_printed_unless_colour_is_wanted() -> None:
    assert table([(Cell("ok", "good"), "x")]) == ["ok  x"]
    assert "\x1b[32m" in table([(Cell("ok", "good"), "x")], colour=True)[0]


def test_colours_do_not_shift_columns() -> None:
    first, second = table([(Cell("a", "good"), "x"), ("bbb", "x")], colour=True)
    assert first == "\x1b[32ma\x1b[0m    x"
    assert second == "bbb  x"


def test_control_characters_of_others_become_visible() -> None:
    assert "\x1b" not in one_line("\x1b[2Jgone")
    assert one_line("two\nlines") == "two lines"
    assert table([("\x1b]0;title\x07", "x")])[0].isprintable()
    assert indented("a\n\x1b[1A", "  ") == ["  a", "  \\x1b[1A"]


def test_an_empty_table_has_no_lines() -> None:
    assert table([]) == []
