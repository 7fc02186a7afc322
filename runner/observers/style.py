"""Colours and marks: a line as pieces, each with its role, and how a terminal shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from runner.errors import Verdict

SGR: Final = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "strong": "1", "busy": "36"}
"""What the roles look like on a terminal."""

Pieces: TypeAlias = tuple[tuple[str, str], ...]
"""A line as texts with their role; the role ``""`` looks like any text."""


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The characters in front of lines."""

    success: str
    failure: str
    skipped: str
    cached: str
    warning: str
    waiting: str
    result: str
    ellipsis: str
    spinner: str
    levels: str
    """From low to high, for the course of a figure."""


UNICODE: Final = Marks(
    success="✓",
    failure="✗",
    skipped="–",  # noqa: RUF001 - a dash is meant
    cached="=",
    warning="!",
    waiting="…",
    result="→",
    ellipsis="…",
    spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
    levels="▁▂▃▄▅▆▇█",
)
ASCII: Final = Marks(
    success="+",
    failure="x",
    skipped="-",
    cached="=",
    warning="!",
    waiting=".",
    result="->",
    ellipsis="...",
    spinner="|/-\\",
    levels="_.:-=+*#",
)

TYPEWRITER: Final = str.maketrans(
    {"·": "-", "→": "->", "…": "...", "×": "x", "–": "-", "✓": "+", "✗": "x", "°": ""}  # noqa: RUF001 - a dash
)
"""How to write our own texts where the locale has no such characters."""


def is_unicode(encoding: str | None) -> bool:
    """Whether an encoding has every character."""
    return (encoding or "").lower().replace("-", "").startswith("utf")


def mark_of(verdict: Verdict | None, marks: Marks) -> tuple[str, str]:
    """The mark of a verdict and its role; no verdict is a refusal."""
    special: dict[Verdict | None, tuple[str, str]] = {
        Verdict.SUCCESS: (marks.success, "good"),
        Verdict.CACHED: (marks.cached, "good"),
        Verdict.SKIPPED: (marks.skipped, "dim"),
    }
    return special.get(verdict, (marks.failure, "bad"))


def paint(text: str, role: str, *, on: bool) -> str:
    """The text in the colour of its role."""
    return f"\x1b[{SGR[role]}m{text}\x1b[0m" if on and role and text else text


def painted(pieces: Iterable[tuple[str, str]], *, on: bool) -> str:
    """A whole line in colour, or without."""
    return "".join(paint(text, role, on=on) for text, role in pieces)
