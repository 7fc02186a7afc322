"""When each piece of a transcript's text is spoken."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Callable, List, Optional, Sequence, Tuple

from caption_text import clean, pieces
from cue import Rules
from graphemes import is_wide, width

from shared.speech import Speech
from shared.transcript import Segment

Span = Tuple[int, int]
_THOUSAND = Decimal(1000)


@dataclass(frozen=True)
class SpokenPiece:
    """A piece of text and when it is spoken, in milliseconds.

    ``columns`` is the length of a line in the segment's script; ``ends_segment`` marks the last
    piece of what was said without a pause.
    """

    text: str
    glued: bool
    start_ms: int
    end_ms: int
    columns: int
    ends_segment: bool = False


def milliseconds(seconds: float) -> int:
    """The time in whole milliseconds, half a one rounded up; none before the film begins."""
    exact = Decimal(repr(seconds)) * _THOUSAND
    return max(0, int(exact.to_integral_value(rounding=ROUND_HALF_UP)))


def spoken_pieces(
    segment: Segment, rules: Rules, *, speech: Sequence[Speech] = (), until_ms: Optional[int] = None
) -> List[SpokenPiece]:
    """The pieces of a segment; their times never go back.

    Without times of words the letters are spread over the segment, as far as ``speech`` hears
    somebody there, and up to ``until_ms`` if nobody could read them as fast as that.
    """
    text = clean(segment.text)
    columns = rules.columns(is_wide=is_wide(text))
    parts = pieces(text, columns)
    if not parts:
        return []
    clock = _clock_of_words(segment, text) or _clock_of_segment(
        segment, text, rules, speech=speech, until_ms=until_ms
    )
    timed: List[SpokenPiece] = []
    position, latest = 0, 0
    for part in parts:
        following = position + len(clock.measure(part.text))
        start, end = clock.start_of(position), clock.end_of(following)
        latest = max(start, latest)
        timed.append(
            SpokenPiece(
                part.text,
                part.glued,
                latest,
                max(end, latest),
                columns,
                ends_segment=len(timed) == len(parts) - 1,
            )
        )
        position = following
    return timed


@dataclass(frozen=True)
class _Clock:
    """Tells when a position in the text is spoken: stretches of text and their times."""

    measure: Callable[[str], str]
    positions: Tuple[int, ...]
    spans: Tuple[Span, ...]

    def start_of(self, position: int) -> int:
        """When the letter after the position begins."""
        index = max(0, min(bisect_right(self.positions, position), len(self.spans)) - 1)
        return self._time(index, position)

    def end_of(self, position: int) -> int:
        """When the letter before the position ends."""
        index = max(0, min(bisect_right(self.positions, max(0, position - 1)), len(self.spans)) - 1)
        return self._time(index, position)

    def _time(self, index: int, position: int) -> int:
        start, end = self.spans[index]
        length = max(1, self.positions[index + 1] - self.positions[index])
        done = min(position - self.positions[index], length)
        return start + max(0, end - start) * done // length


def _clock_of_words(segment: Segment, text: str) -> Optional[_Clock]:
    """The times of the words, if they are the text's words but for punctuation."""
    words = [(clean(word.word), word) for word in segment.words]
    for measure in (_solid, _letters):
        measured = [measure(word) for word, _ in words]
        if "".join(measured) == measure(text) != "":
            spans = [(milliseconds(word.start), milliseconds(word.end)) for _, word in words]
            kept = [(len(part), span) for part, span in zip(measured, spans) if part]  # noqa: B905 (Python 3.10)
            return _clock(measure, [length for length, _ in kept], [span for _, span in kept])
    return None


def _clock_of_segment(
    segment: Segment,
    text: str,
    rules: Rules,
    *,
    speech: Sequence[Speech],
    until_ms: Optional[int],
) -> _Clock:
    start = milliseconds(segment.start)
    end = max(start, milliseconds(segment.end))
    spans = _heard(start, end, speech) or [(start, end)]
    characters = width(text)
    spoken = sum(last - first for first, last in spans)
    if spoken * rules.reading_speed_cap < characters * 1000:
        # The time is a guess anyway, and text that flashes by helps nobody.
        first, last = spans[-1]
        room = int(characters * 1000 / rules.reading_speed) - spoken
        latest = last + room if until_ms is None else min(last + room, until_ms - rules.gap_ms)
        spans[-1] = (first, max(last, latest))
    return _clock(_solid, _shares(len(_solid(text)), spans), spans)


def _heard(start: int, end: int, speech: Sequence[Speech]) -> List[Span]:
    """The parts of a time in which somebody speaks."""
    found = []
    for index in range(_first_after(start, speech), len(speech)):
        first = max(start, milliseconds(speech[index].start))
        last = min(end, milliseconds(speech[index].end))
        if milliseconds(speech[index].start) >= end:
            break
        if first < last:
            found.append((first, last))
    return found


def _first_after(start: int, speech: Sequence[Speech]) -> int:
    """Where to begin in the stretches of speech, which are in order of time."""
    low, high = 0, len(speech)
    while low < high:
        middle = (low + high) // 2
        if milliseconds(speech[middle].end) <= start:
            low = middle + 1
        else:
            high = middle
    return low


def _shares(letters: int, spans: Sequence[Span]) -> List[int]:
    """How many letters each span gets: in proportion to its length, all of them together."""
    whole = sum(end - start for start, end in spans)
    shares, done, given = [], 0, 0
    for start, end in spans:
        done += end - start
        upto = letters * done // whole if whole else letters
        shares.append(upto - given)
        given = upto
    return shares


def _clock(measure: Callable[[str], str], lengths: Sequence[int], spans: Sequence[Span]) -> _Clock:
    positions, ordered, latest = [0], [], 0
    for length, (start, end) in zip(lengths, spans):  # noqa: B905 (Python 3.10)
        positions.append(positions[-1] + length)
        latest = max(latest, start)  # words that go back in time are put right
        ordered.append((latest, max(latest, end)))
    return _Clock(measure, tuple(positions), tuple(ordered))


def _solid(text: str) -> str:
    return "".join(text.split())


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()
