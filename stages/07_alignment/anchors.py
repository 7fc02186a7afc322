"""Finds the words of a text among the words that an engine recognised."""

from __future__ import annotations

import bisect
from collections import Counter
from difflib import SequenceMatcher
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

Pair = Tuple[int, int]
_Gap = Tuple[int, int, int, int]
# Runs of this many words are looked for, the surest first.
_RUNS = (4, 3, 2)
# Comparing every word with every other is for short stretches only.
_MOST_COMPARISONS = 40_000


def match(said: Sequence[str], heard: Sequence[str]) -> List[Optional[int]]:
    """For each word that was said, which of the words heard it is; both in order.

    Takes time in proportion to the number of words, however long the texts are.
    """
    pairs: List[Pair] = []
    for length in _RUNS:
        fresh = [
            pair for gap in _gaps(pairs, said, heard) for pair in _common(said, heard, gap, length)
        ]
        pairs = sorted(pairs + fresh)
    close = [pair for gap in _gaps(pairs, said, heard) for pair in _close(said, heard, gap)]
    found: List[Optional[int]] = [None] * len(said)
    for index, other in pairs + close:
        found[index] = other
    return found


def _gaps(pairs: Sequence[Pair], said: Sequence[str], heard: Sequence[str]) -> Iterator[_Gap]:
    """What lies between words already found, where both sides have some."""
    before = (-1, -1)
    for pair in [*pairs, (len(said), len(heard))]:
        gap = (before[0] + 1, pair[0], before[1] + 1, pair[1])
        if gap[0] < gap[1] and gap[2] < gap[3]:
            yield gap
        before = pair


def _common(said: Sequence[str], heard: Sequence[str], gap: _Gap, length: int) -> List[Pair]:
    """Words in runs that each side has once only in the gap."""
    ours = _single(said, gap[0], gap[1], length)
    theirs = _single(heard, gap[2], gap[3], length)
    pairs = {
        (first + step, theirs[run] + step)
        for run, first in ours.items()
        if run in theirs
        for step in range(length)
    }
    return _in_order(sorted(pairs, key=lambda pair: (pair[0], -pair[1])))


def _single(words: Sequence[str], start: int, end: int, length: int) -> Dict[Tuple[str, ...], int]:
    runs = [tuple(words[index : index + length]) for index in range(start, end - length + 1)]
    count = Counter(runs)
    return {run: start + place for place, run in enumerate(runs) if count[run] == 1}


def _in_order(pairs: Sequence[Pair]) -> List[Pair]:
    """The longest row of pairs in which both numbers grow."""
    ends: List[int] = []
    row: List[int] = []
    before: List[int] = []
    for place, (_, other) in enumerate(pairs):
        length = bisect.bisect_left(ends, other)
        before.append(row[length - 1] if length else -1)
        ends[length : length + 1] = [other]
        row[length : length + 1] = [place]
    found = []
    place = row[-1] if row else -1
    while place >= 0:
        found.append(pairs[place])
        place = before[place]
    return found[::-1]


def _close(said: Sequence[str], heard: Sequence[str], gap: _Gap) -> List[Pair]:
    """Every word that both sides of a short gap have, in order."""
    if (gap[1] - gap[0]) * (gap[3] - gap[2]) > _MOST_COMPARISONS:
        return []
    matcher = SequenceMatcher(None, said[gap[0] : gap[1]], heard[gap[2] : gap[3]], autojunk=False)
    return [
        (gap[0] + block.a + step, gap[2] + block.b + step)
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
    ]
