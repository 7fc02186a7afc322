"""Time that runs only while somebody speaks."""

from __future__ import annotations

import bisect
from typing import Iterator, List, Sequence, Tuple, TypeVar

from shared.speech import Speech

Span = Tuple[float, float]
Item = TypeVar("Item")
# A shorter pause is listened to as well: a soft word may lie in it.
_LONGEST_PAUSE_SECONDS = 3.0
_AIR_SECONDS = 0.5


def neighbours(row: Sequence[Item]) -> Iterator[Tuple[Item, Item]]:
    """Each item with the one behind it."""
    yield from zip(row, row[1:])  # noqa: B905, RUF007 (strict= and pairwise came with Python 3.10)


class SpeechMap:
    """Where somebody speaks in a recording; stretches that overlap count as one."""

    def __init__(self, speech: Sequence[Speech]) -> None:
        self._spans = _joined([(part.start, part.end) for part in speech], 0.0)
        self._ends = [end for _, end in self._spans]

    def within(self, start: float, end: float) -> List[Span]:
        """The speech between two times, cut at them."""
        found = []
        for place in range(bisect.bisect_right(self._ends, start), len(self._spans)):
            if self._spans[place][0] >= end:
                break
            found.append((max(self._spans[place][0], start), min(self._spans[place][1], end)))
        return found

    def clock(self, start: float, end: float) -> SpeechClock:
        """The clock between two times; without any speech there it runs all the time."""
        return SpeechClock(self.within(start, end) or [(start, end)])

    def sound(self, start: float, end: float) -> Tuple[Span, ...]:
        """What to listen to between two times: all but long pauses, or all without any speech."""
        wide = [
            (max(start, first - _AIR_SECONDS), min(end, last + _AIR_SECONDS))
            for first, last in self.within(start, end)
        ]
        joined = _joined(wide, _LONGEST_PAUSE_SECONDS)
        if not joined:
            return ((start, end),)
        if joined[0][0] - start < _LONGEST_PAUSE_SECONDS:
            joined[0] = (start, joined[0][1])
        if end - joined[-1][1] < _LONGEST_PAUSE_SECONDS:
            joined[-1] = (joined[-1][0], end)
        return tuple(joined)

    def whole(self, seconds: float) -> Span:
        """From the first to the last word, at most the whole recording."""
        spans = self.within(0.0, seconds)
        return (spans[0][0], spans[-1][1]) if spans else (0.0, seconds)


def _joined(spans: Sequence[Span], pause: float) -> List[Span]:
    joined: List[Span] = []
    for start, end in spans:
        if joined and start <= joined[-1][1] + pause:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


class SpeechClock:
    """Turns the seconds of speech so far into a time of the recording, and back."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._before = [0.0]
        for start, end in spans:
            self._before.append(self._before[-1] + end - start)

    @property
    def seconds(self) -> float:
        """How long somebody speaks."""
        return self._before[-1]

    @property
    def pauses(self) -> List[float]:
        """The middle of each pause."""
        return [(a[1] + b[0]) / 2 for a, b in neighbours(self._spans)]

    def time(self, spoken: float, *, is_end: bool = False) -> float:
        """When so many seconds are said; at a pause its beginning if ``is_end``."""
        look_up = bisect.bisect_left if is_end else bisect.bisect_right
        place = min(max(look_up(self._before, spoken) - 1, 0), len(self._spans) - 1)
        start, end = self._spans[place]
        return min(max(start, start + spoken - self._before[place]), end)

    def spoken(self, time: float) -> float:
        """How many seconds are said until then."""
        return sum(max(0.0, min(end, time) - start) for start, end in self._spans)
