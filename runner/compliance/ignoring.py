"""Findings that the author has seen and wants: ``# stagerun: ignore[ST304] reason``.

The comment stands within the statement that it is about, or above it, where several may stand.
"""

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from runner.compliance.finding import Spot

MARK: Final = re.compile(r"#\s*stagerun:\s*ignore(?:\[([^\]]*)\])?\s*(.*)$")

Span = tuple[int, int]
"""The first and the last line of a statement, of a compound one those of its head."""


@dataclass(frozen=True)
class Ignore:
    """One comment: the lines that it covers, its rules, and why."""

    line: int
    covers: range
    rules: tuple[str, ...]
    reason: str


def ignores_of(text: str, spans: Sequence[Span] | None) -> list[Ignore]:
    """The comments of a file of Python, whose statements have these spans, or of another file."""
    lines = text.split("\n")
    found = []
    for line, comment, stands_alone in _comments(text, lines, is_python=spans is not None):
        if mark := MARK.search(comment):
            about = _next_line(lines, line) if stands_alone else line
            rules = tuple(rule.strip() for rule in (mark[1] or "").split(",") if rule.strip())
            found.append(Ignore(line, _around(about, spans or ()), rules, mark[2].strip()))
    return found


def find_bad_ignores(ignores: list[Ignore], known: frozenset[str]) -> Iterator[Spot]:
    """Comments that name no rule, one that there is not, or no reason."""
    for item in ignores:
        unknown = [rule for rule in item.rules if rule not in known]
        if not item.rules:
            problem = "name the rule: ignore[ST304]"
        elif unknown:
            problem = f"there is no rule {', '.join(unknown)}"
        elif not item.reason:
            problem = "say why, behind the bracket"
        else:
            continue
        yield Spot(line=item.line, message=f"stagerun: ignore: {problem}")


def _next_line(lines: list[str], line: int) -> int:
    """The line that a comment stands above, with nothing but comments between."""
    while line < len(lines) and lines[line].lstrip().startswith("#"):
        line += 1
    return line + 1


def _around(line: int, spans: Sequence[Span]) -> range:
    """The lines of the smallest statement that has a line in it."""
    holding = [span for span in spans if span[0] <= line <= span[1]]
    first, last = min(holding, key=lambda span: span[1] - span[0], default=(line, line))
    return range(first, last + 1)


def _comments(text: str, lines: list[str], *, is_python: bool) -> Iterator[tuple[int, str, bool]]:
    if not is_python:
        numbered = enumerate(lines, start=1)
        yield from ((n, line, True) for n, line in numbered if line.lstrip().startswith("#"))
        return
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                line, column = token.start
                yield line, token.string, not lines[line - 1][:column].strip()
    except (tokenize.TokenError, IndentationError):
        return
