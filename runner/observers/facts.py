"""The facts of a line: where there is no room for all, those that matter least are left out."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, auto

from runner.observers.plain import cells


class Rank(IntEnum):
    """What a fact is about; the later it stands here, the sooner it is left out."""

    WHAT = auto()
    ALL_LEFT = auto()
    SHARE = auto()
    FAILED = auto()
    LEFT = auto()
    RUNNING = auto()
    WAITING = auto()
    TO_COME = auto()
    STOPPED = auto()
    UP_TO_DATE = auto()
    AMOUNT = auto()
    MEMORY = auto()
    GPU = auto()


@dataclass(frozen=True, slots=True)
class Fact:
    """A text with its role; ``between`` stands before it unless it is the first of its line."""

    text: str
    rank: Rank
    role: str = ""
    between: str = "   "


def fitting(facts: Iterable[Fact], room: int | None) -> list[Fact]:
    """Those for which there is room, in the same order; the one that matters most in any case."""
    ordered = list(facts)
    kept: list[Fact] = []
    taken = 0
    for fact in sorted(ordered, key=lambda fact: fact.rank):
        needed = cells(fact.between + fact.text) if kept else cells(fact.text)
        if room is None or not kept or taken + needed <= room:
            kept.append(fact)
            taken += needed
    return [fact for fact in ordered if fact in kept]
