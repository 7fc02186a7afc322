"""What a rule is and what it finds."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

Subject = TypeVar("Subject")


class Severity(StrEnum):
    """An error breaks the contract or a promise; a warning makes a stage harder to live with."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A place in a file: lines and columns are counted from 1, the end is exclusive.

    ``path`` is the file, where it is another one than that which the rule looked at.
    """

    line: int = 1
    column: int = 1
    end_column: int = 2
    message: str
    path: Path | None = None

    @classmethod
    def of(cls, node: ast.AST, message: str) -> "Spot":
        """Where a node stands; of one that goes over several lines, its first."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        end = getattr(node, "end_col_offset", None) or column + 1
        if getattr(node, "end_lineno", line) != line or end <= column:
            end = column + 1
        return cls(line=line, column=column + 1, end_column=end + 1, message=message)


@dataclass(frozen=True)
class Rule(Generic[Subject]):
    """A rule: its id, what it is called, how grave it is, and the function that finds it."""

    id: str
    name: str
    severity: Severity
    find: Callable[[Subject], Iterator[Spot]]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A departure from a rule, and the line of the file that shows it."""

    rule: str
    name: str
    severity: Severity
    path: Path
    line: int
    column: int
    end_column: int
    message: str
    text: str = ""

    @property
    def is_error(self) -> bool:
        """Whether it makes the check fail in any case."""
        return self.severity is Severity.ERROR
