"""Sizes and durations as people write and read them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.project.quantity import (
    duration_text,
    limit_text,
    parse_duration,
    parse_size,
    size_text,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1048576", 1 << 20),
        ("1 B", 1),
        ("2GiB", 2 << 30),
        ("2 gib", 2 << 30),
        (" 512MiB ", 512 << 20),
        ("1.5 KiB", 1536),
        ("2GB", 2 * 10**9),
        ("2G", 2 * 10**9),
        ("3kB", 3000),
        ("1TiB", 1 << 40),
    ],
)
def test_a_size_is_read_in_the_unit_it_is_written_in(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "-1", "1 XB", "1e9", "1,5 GB", "1 G i B", "9" * 400])
def test_what_is_no_size_is_refused_with_the_units_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="MiB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("250ms", 0.25),
        ("1.5h", 5400),
        ("2 m", 120),
        ("2min", 120),
        ("1d", 86400),
        ("1:30", 90),
        ("1:30:00", 5400),
        ("0:00.5", 0.5),
    ],
)
def test_a_duration_is_read_in_the_unit_it_is_written_in(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-5", "soon", "1:2:3:4", "1w", "9" * 400, "inf", "nan"])
def test_what_is_no_duration_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="h:mm:ss"):
        parse_duration(text)


@given(st.text())
def test_any_text_is_a_quantity_or_a_value_error(text: str) -> None:
    for parse in (parse_size, parse_duration):
        with contextlib.suppress(ValueError):
            assert parse(text) >= 0


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (949, "949 B"),
        (64_000_000, "64 MB"),
        (2_100_000_000, "2.1 GB"),
        (3e12, "3.0 TB"),
    ],
)
def test_sizes_are_shown_in_powers_of_1000(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(100, "100 B"), (1536, "1.5 KiB"), (64 << 20, "64 MiB"), (2 << 30, "2 GiB")],
)
def test_limits_are_shown_in_the_units_they_are_written_in(size: int, text: str) -> None:
    assert limit_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (4.12, "4.1 s"), (724, "12:04"), (5527, "1:32:07"), (3599.7, "1:00:00")],
)
def test_durations_are_shown_as_clocks_show_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@given(st.integers(min_value=0, max_value=1 << 49))
def test_a_whole_number_of_bytes_is_read_without_loss(size: int) -> None:
    assert parse_size(str(size)) == size
