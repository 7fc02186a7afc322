"""Counts which cues break a rule, and says of each whether that could have been avoided."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence

from caption_text import pieces
from cue import Cue, Rules
from graphemes import has_ink, width

UNBREAKABLE_WORD = "unbreakable_word"
RULES = (
    "line_too_long",
    UNBREAKABLE_WORD,
    "too_many_lines",
    "empty_line",
    "too_short",
    "too_long",
    "gap_too_small",
    "faster_than_wanted",
    "faster_than_cap",
)
MOST_LISTED = 100


@dataclass(frozen=True)
class Violation:
    """A rule that a cue breaks: the cue's number and start in seconds, what it is and may be.

    Lengths are in columns, durations and gaps in seconds, speeds in characters a second.
    """

    cue: int
    start: float
    rule: str
    measured: float
    limit: float
    avoidable: bool


@dataclass(frozen=True)
class Quality:
    """All that can be counted of one language's cues."""

    cues: int
    characters: int
    violations: Sequence[Violation]

    @property
    def counts(self) -> Dict[str, int]:
        """How many cues break each rule, rules that all keep included."""
        found = Counter(violation.rule for violation in self.violations)
        return {rule: found[rule] for rule in RULES}

    @property
    def avoidable(self) -> int:
        """How many violations need not be."""
        return sum(violation.avoidable for violation in self.violations)

    def summary(self) -> Dict[str, Any]:
        """The counts."""
        return {
            "cues": self.cues,
            "characters": self.characters,
            "rules": self.counts,
            "avoidable": self.avoidable,
        }

    def report(self) -> Dict[str, Any]:
        """The counts and the first violations."""
        listed = [asdict(violation) for violation in self.violations[:MOST_LISTED]]
        violations = {"total": len(self.violations), "listed": listed}
        return {**self.summary(), "violations": violations}

    def __str__(self) -> str:
        broken = [
            f"{count} {rule.replace('_', ' ')}" for rule, count in self.counts.items() if count
        ]
        return f"{self.cues} cues, {', '.join(broken) or 'every rule kept'}"


def judge(cues: Sequence[Cue], rules: Rules) -> Quality:
    """Holds every cue, and every gap between two, to the rules."""
    violations: List[Violation] = []
    for number, cue in enumerate(cues, 1):
        following = cues[number] if number < len(cues) else None
        violations += _broken_by_lines(number, cue, rules)
        violations += _broken_by_times(number, cue, following, rules)
    characters = sum(cue.characters for cue in cues)
    return Quality(cues=len(cues), characters=characters, violations=violations)


def _broken_by_lines(number: int, cue: Cue, rules: Rules) -> Iterator[Violation]:
    start = cue.start_ms / 1000
    if len(cue.lines) > rules.lines:
        yield Violation(number, start, "too_many_lines", len(cue.lines), rules.lines, True)
    for line in cue.lines:
        if not has_ink(line):
            yield Violation(number, start, "empty_line", 0, 1, True)
        columns = width(line)
        if columns > cue.columns:
            is_one_word = len(pieces(line, cue.columns)) == 1
            rule = UNBREAKABLE_WORD if is_one_word else "line_too_long"
            yield Violation(number, start, rule, columns, cue.columns, not is_one_word)


def _broken_by_times(
    number: int, cue: Cue, following: Optional[Cue], rules: Rules
) -> Iterator[Violation]:
    start, length = cue.start_ms / 1000, cue.length_ms
    gap = None if following is None else following.start_ms - cue.end_ms
    # A cue could show longer unless it shows as long as any may, or the next one begins.
    has_room = length < rules.longest_ms and (gap is None or gap > rules.gap_ms)
    if length < rules.shortest_ms:
        shortest = rules.shortest_ms / 1000
        yield Violation(number, start, "too_short", length / 1000, shortest, has_room)
    if length > rules.longest_ms:
        yield Violation(number, start, "too_long", length / 1000, rules.longest_ms / 1000, True)
    if gap is not None and gap < rules.gap_ms:
        yield Violation(number, start, "gap_too_small", gap / 1000, rules.gap_ms / 1000, True)
    speed = round(cue.characters * 1000 / length, 2)
    if cue.characters * 1000 > length * rules.reading_speed_cap:
        cap = rules.reading_speed_cap
        yield Violation(number, start, "faster_than_cap", speed, cap, has_room)
    elif cue.characters * 1000 > length * rules.reading_speed:
        wanted = rules.reading_speed
        yield Violation(number, start, "faster_than_wanted", speed, wanted, has_room)
