"""Turns a transcript into cues: which words show when, and in which lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterable, Iterator, List, Sequence, Tuple

from line_breaking import Token, clean, fill, fill_evenly, join, tokens

from shared.transcript import Segment

# One frame at 25 frames a second: a shorter cue is on no picture.
SHORTEST_MS = 40
# A cue that shows for less cannot be read, so a neighbour waits rather than cut into it.
READABLE_MS = 833


@dataclass(frozen=True)
class Layout:
    """The room that subtitles have; `line_length` in columns."""

    line_length: int = 42
    lines: int = 2


@dataclass(frozen=True)
class Cue:
    """Lines of text and when they show, in milliseconds."""

    start_ms: int
    end_ms: int
    lines: Tuple[str, ...]


@dataclass(frozen=True)
class _Timed:
    """A token and when it is spoken, in seconds."""

    token: Token
    start: float
    end: float


def lay_out(segments: Iterable[Segment], layout: Layout) -> List[Cue]:
    """The cues of a transcript, in order of time: every word once, none over another."""
    return _apart(
        _cue(block, layout)
        for segment in segments
        for block in _blocks(_timed_tokens(segment), layout)
    )


def _timed_tokens(segment: Segment) -> List[_Timed]:
    """The segment's tokens; each takes its time from the characters that it is made of."""
    times = _character_times(segment)
    timed, position = [], 0
    for token in tokens(clean(segment.text)):
        own = times[position : position + len(token.text)]
        position += len(token.text)
        timed.append(_Timed(token, start=own[0][0], end=own[-1][1]))
    return timed


def _character_times(segment: Segment) -> List[Tuple[float, float]]:
    """When each character is spoken, spaces left out: from the words, else spread evenly."""
    spoken = [(_solid(word.word), word.start, word.end) for word in segment.words]
    whole = _solid(segment.text)
    if "".join(text for text, _, _ in spoken) != whole:  # a translation has other words
        spoken = [(whole, segment.start, segment.end)]
    times: List[Tuple[float, float]] = []
    latest = float("-inf")
    for text, start, end in spoken:
        start = max(start, latest)  # noqa: PLW2901 (words that go back in time are put right)
        step = max(0.0, end - start) / max(1, len(text))
        times += [(start + n * step, start + (n + 1) * step) for n in range(len(text))]
        latest = times[-1][1] if times else latest
    return times


def _solid(text: str) -> str:
    return "".join(clean(text).split())


def _blocks(timed: Sequence[_Timed], layout: Layout) -> Iterator[List[_Timed]]:
    """As many tokens at a time as the lines have room for."""
    block: List[_Timed] = []
    for entry in timed:
        line = [part.token for part in [*block, entry]]
        if block and len(fill(line, layout.line_length)) > layout.lines:
            yield block
            block = []
        block.append(entry)
    if block:
        yield block


def _cue(block: Sequence[_Timed], layout: Layout) -> Cue:
    lines = fill_evenly([entry.token for entry in block], layout.line_length)
    return Cue(
        start_ms=round(block[0].start * 1000),
        end_ms=round(block[-1].end * 1000),
        lines=tuple(join(line) for line in lines),
    )


def _apart(cues: Iterable[Cue]) -> List[Cue]:
    """In order of time; each ends where the next begins at the latest."""
    placed: List[Cue] = []
    for cue in sorted(cues, key=lambda cue: cue.start_ms):
        start_ms = max(cue.start_ms, 0)
        if placed:
            before = placed[-1]
            start_ms = max(start_ms, before.start_ms + min(_length_ms(before), READABLE_MS))
            placed[-1] = replace(before, end_ms=min(before.end_ms, start_ms))
        end_ms = max(cue.end_ms, start_ms + SHORTEST_MS)
        placed.append(replace(cue, start_ms=start_ms, end_ms=end_ms))
    return placed


def _length_ms(cue: Cue) -> int:
    return cue.end_ms - cue.start_ms
