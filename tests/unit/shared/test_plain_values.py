"""What a stage hands in may be anything; the manifest stays JSON."""

import json
from collections import OrderedDict, UserDict
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

import pytest

from shared.plain_values import DEEPEST, plain
from shared.stage_utils import StageIO


class Scalar:
    """What numpy calls a scalar: a value behind ``item()``."""

    def __init__(self, value: object) -> None:
        self._value = value

    def item(self) -> object:
        return self._value


class Array:
    """What numpy calls an array: ``item()`` works for one element only."""

    def item(self) -> object:
        msg = "can only convert an array of size 1"
        raise ValueError(msg)

    def __str__(self) -> str:
        return "[1 2 3]"


class Hostile:
    def __str__(self) -> str:
        msg = "no text"
        raise RuntimeError(msg)

    __repr__ = __str__


class HostileDict(UserDict[str, object]):
    def items(self) -> Any:
        msg = "no items"
        raise RuntimeError(msg)


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (16, 16),
        (2.5, 2.5),
        ("text", "text"),
        ([1, (2, 3)], [1, [2, 3]]),
        ({"a": 1, 2: "b", None: 0, True: 1}, {"a": 1, "2": "b", "null": 0, "true": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (UserDict({"a": 1}), {"a": 1}),
        (Path("/a/b"), "/a/b"),
        (datetime(2026, 11, 21, 9, 14, tzinfo=UTC), "2026-11-21T09:14:00+00:00"),
        (date(2026, 11, 21), "2026-11-21"),
        (Decimal("1.50"), "1.50"),
        ({"es", "ca"}, "{ca, es}"),
        (b"bytes\xff", "bytes\\xff"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
        (Scalar(3), 3),
        (Scalar(float("nan")), "nan"),
        (Array(), "[1 2 3]"),
        (Size.BIG, 3),
        (Colour.RED, "Colour.RED"),
        (Hostile(), "<Hostile without text>"),
        (HostileDict(), "{}"),
        ("\ud83d alone", "\\ud83d alone"),
    ],
)
def test_what_json_has_is_kept_and_what_it_lacks_becomes_text(
    value: object, expected: object
) -> None:
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False).encode()


def test_a_value_that_contains_itself_ends() -> None:
    inner: list[object] = [1]
    inner.append(inner)
    outer: dict[str, object] = {"inner": inner, "again": inner[0:1]}
    outer["self"] = outer
    assert plain(outer) == {
        "inner": [1, "<a value that contains itself>"],
        "again": [1],
        "self": "<a value that contains itself>",
    }


def test_a_value_used_twice_is_written_twice() -> None:
    shared = ["x"]
    assert plain([shared, shared]) == [["x"], ["x"]]


def test_a_scalar_that_gives_itself_ends() -> None:
    class Endless:
        def item(self) -> object:
            return self

    assert plain(Endless()) == "<a value that contains itself>"


def test_deep_nesting_ends() -> None:
    value: list[object] = []
    for _ in range(5_000):
        value = [value]
    text = json.dumps(plain(value))
    assert text.count("[") <= DEEPEST
    assert "<nested too deeply>" in text


def test_a_number_too_long_for_python_to_print_is_written_in_hexadecimal() -> None:
    assert plain(10**6_000) == hex(10**6_000)
    assert plain(2**70) == 2**70


def test_a_large_object_does_not_flood_the_manifest() -> None:
    class Model:
        def __str__(self) -> str:
            return "w" * 1_000_000

    assert len(plain(Model())) < 11_000


def test_nothing_of_this_breaks_a_manifest(job: Path) -> None:
    io = StageIO("asr", job)
    cyclic: list[object] = []
    cyclic.append(cyclic)
    for number, value in enumerate([Path("x"), {1, 2}, b"\xff", float("nan"), cyclic, Hostile()]):
        io.add_config(f"key{number}", value)
        io.set_resources(**{f"resource{number}": value})
        io.add_warning(value)
        io.add_error(value)
    io.track_output(io.stage_dir / "a", "json", model=Path("y"), strange=Hostile())
    io.finalize(status="failed", reason=Path("z"), error=Hostile(), more=cyclic)
    json.loads(io.manifest_path.read_text())
