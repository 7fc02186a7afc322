"""Any Python value as JSON can hold it: what JSON lacks becomes text, and nothing raises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, time
from typing import Any, Final

from shared.secret_files import conceal

DEEPEST: Final = 60
LONGEST_TEXT_OF_AN_OBJECT: Final = 10_000
LARGEST_BITS: Final = 4_000  # Python refuses to write much longer numbers in decimal


def plain(value: object) -> Any:
    """The value made of dicts with text keys, lists, text, finite numbers, booleans and None."""
    return _plain(value, ())


def clean_text(text: str) -> str:
    """Text that every JSON reader accepts (no lone surrogates), with secrets replaced."""
    valid = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
    return conceal(valid)


def text_of(value: object) -> str:
    """``str(value)``, or the name of its type where that fails."""
    try:
        text = str(value)
    except Exception:  # a stranger's __str__ may raise anything
        text = f"<{type(value).__name__} without text>"
    return clean_text(text)


def _plain(value: object, parents: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(str.__str__(value))
    if isinstance(value, (int, float)):
        return _number(value)
    if id(value) in parents:
        return "<a value that contains itself>"
    if len(parents) >= DEEPEST:
        return "<nested too deeply>"
    return _compound(value, (*parents, id(value)))


def _number(value: float) -> float | str:
    if not isinstance(value, int):
        return float(value) if math.isfinite(value) else str(float(value))
    return int(value) if value.bit_length() <= LARGEST_BITS else hex(value)


def _compound(value: object, parents: tuple[int, ...]) -> Any:
    try:
        if isinstance(value, Mapping):
            return {_key(key): _plain(item, parents) for key, item in list(value.items())}
        if isinstance(value, (list, tuple)):
            return [_plain(item, parents) for item in list(value)]
        return _object(value, parents)
    except Exception:  # a container of the caller's own may raise anything while it is read
        return text_of(value)


def _object(value: object, parents: tuple[int, ...]) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return clean_text(bytes(value).decode("utf-8", "backslashreplace"))
    if isinstance(value, (set, frozenset)):
        # In order, so that equal sets give equal text.
        return "{" + ", ".join(sorted(text_of(item) for item in value)) + "}"
    if isinstance(value, (date, time)):
        return value.isoformat()
    item = getattr(value, "item", None)
    if callable(item):  # a numpy or torch scalar; arrays of more than one element raise
        try:
            return _plain(item(), parents)
        except Exception:
            return _shortened(value)
    return _shortened(value)


def _shortened(value: object) -> str:
    text = text_of(value)
    if len(text) <= LONGEST_TEXT_OF_AN_OBJECT:
        return text
    return text[:LONGEST_TEXT_OF_AN_OBJECT] + "…"


def _key(key: object) -> str:
    if isinstance(key, str):
        return clean_text(str.__str__(key))
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return text_of(key)
