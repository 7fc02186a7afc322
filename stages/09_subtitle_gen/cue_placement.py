"""Says how long each cue shows: in order, apart from each other, and readable where possible."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional, Sequence

from cue import Cue, Rules

# How much later than its first word a cue may come so that the one before is slow enough.
_LATEST_MS = 500
# And so that the one before shows at all; of cues that are spoken at once one must wait.
_LONGEST_WAIT_MS = 2000


def place(spoken: Sequence[Cue], rules: Rules) -> List[Cue]:
    """The cues, which show as long as they are spoken, in order and as long as they should show."""
    ordered = sorted(spoken, key=lambda cue: cue.start_ms)
    starts = _starts(ordered, rules)
    placed = []
    for cue, start, following in zip(ordered, starts, [*starts[1:], None]):  # noqa: B905 (Python 3.10)
        end = max(cue.end_ms, start + rules.wanted_ms(cue.characters))
        end = min(end, start + rules.longest_ms)
        if following is not None:
            end = min(end, following - rules.gap_ms)
        placed.append(replace(cue, start_ms=start, end_ms=end))
    return placed


def _starts(cues: Sequence[Cue], rules: Rules) -> List[int]:
    starts: List[int] = []
    for index, cue in enumerate(cues):
        start = cue.start_ms
        if starts:
            before = cues[index - 1]
            after = cues[index + 1].start_ms if index + 1 < len(cues) else None
            start = _start(starts[-1], before, cue, after, rules)
        starts.append(start)
    return starts


def _start(shown: int, before: Cue, cue: Cue, after: Optional[int], rules: Rules) -> int:
    """When a cue starts after one that shows from ``shown`` on."""
    room = cue.start_ms - rules.gap_ms - shown
    spare = _spare(cue, after, rules)
    late = max(0, min(rules.needed_ms(before.characters) - room, _LATEST_MS, spare))
    if room + late < rules.shortest_ms:
        wait = rules.shortest_ms - room
        is_spoken_at_once = room < _flash(rules)
        if wait <= _LONGEST_WAIT_MS and (wait <= spare or is_spoken_at_once):
            return cue.start_ms + wait
    return max(cue.start_ms + late, shown + _flash(rules) + rules.gap_ms)


def _spare(cue: Cue, after: Optional[int], rules: Rules) -> int:
    """By how much a cue can come later without breaking a rule itself."""
    if after is None:
        return _LONGEST_WAIT_MS
    return after - rules.gap_ms - cue.start_ms - rules.needed_ms(cue.characters)


def _flash(rules: Rules) -> int:
    """As short as a cue ever shows: as long as the gap, which is two pictures."""
    return rules.gap_ms
