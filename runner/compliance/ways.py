"""The ways out of some statements, and in which condition a stage is on each.

A way is in one of three conditions: no StageIO is open yet, one is open, or it has been finalized.
"""

import ast
from dataclasses import dataclass, field
from enum import Enum, auto


class Condition(Enum):
    """How far a way has come."""

    BEFORE = auto()
    OPEN = auto()
    FINAL = auto()


Way = tuple[ast.AST, Condition]


@dataclass
class Ways:
    """The ways out of some statements.

    ``end`` are the conditions in which their end is reached, ``left`` the ways by ``return`` or an
    exit, ``raised`` those by an exception; ``seen`` are all conditions before any of them.
    """

    end: set[Condition] = field(default_factory=set)
    left: list[Way] = field(default_factory=list)
    raised: list[Way] = field(default_factory=list)
    broken: set[Condition] = field(default_factory=set)
    continued: set[Condition] = field(default_factory=set)
    seen: set[Condition] = field(default_factory=set)

    def take(self, other: "Ways") -> None:
        """Add all ways out of others, but for their end."""
        self.left += other.left
        self.raised += other.raised
        self.broken |= other.broken
        self.continued |= other.continued
        self.seen |= other.seen
