"""Stretches of a recording with the words that are said in each."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Iterator, List, Optional, Sequence, Tuple

from anchors import match
from speech_clock import Span, SpeechMap, neighbours
from spelling import bare

from shared.transcript import Segment, Word

# Air around a segment: its edges are somebody's guess, and a cut first sound costs the word.
_AIR_SECONDS = 0.25
# The engine's time grows with the square of the length; five minutes take ten seconds.
_LONGEST_SECONDS = 300.0
_PIECE_SECONDS = 120.0
# A passage between two cuts is short where there are pauses, and has enough words to hold on to.
_WANTED_SECONDS = (4.0, 30.0)
# The engine loses its way in some long passages; what it can't follow is tried again in parts.
_PART_SECONDS = (1.0, 8.0)
# What words that were not recognised may need in front of the first that was.
_SLACK_SECONDS = 2.0
_SECONDS_PER_LETTER = 0.15


@dataclass(frozen=True)
class Passage:
    """Words that are said from ``start`` to ``end``; the sound around them begins and ends later.

    ``hints`` has for each word the recognised word that it is, where there is one; ``owner`` is
    the number of the segment that the words belong to.
    """

    start: float
    end: float
    words: Tuple[str, ...]
    hints: Tuple[Optional[Word], ...] = ()
    owner: int = 0
    sound: Tuple[Span, ...] = ()


def of_segments(
    segments: Sequence[Segment], owners: Sequence[int], speech: SpeechMap
) -> Iterator[Passage]:
    """A passage, or several for a very long one, for each of the numbered segments."""
    for owner in owners:
        segment = segments[owner]
        words = tuple(segment.text.split())
        earliest = segments[owner - 1].end if owner else 0.0
        latest = segments[owner + 1].start if owner + 1 < len(segments) else segment.end + 1.0
        start = max(0.0, min(segment.start, max(earliest, segment.start - _AIR_SECONDS)))
        end = max(segment.end, min(latest, segment.end + _AIR_SECONDS))
        passage = Passage(
            segment.start,
            segment.end,
            words,
            hints=_hints(words, segment.words),
            owner=owner,
            sound=speech.sound(start, end),
        )
        yield from _not_too_long(passage, speech)


def of_text(
    words: Sequence[str], heard: Sequence[Word], speech: SpeechMap, seconds: float
) -> Iterator[Passage]:
    """The passages of a whole text, cut where a recognised pause lies between its words."""
    hints = _hints(words, heard)
    start, end = speech.whole(seconds)
    edges = [(0, max(0.0, start - _AIR_SECONDS))]
    edges += _cuts(hints, _WANTED_SECONDS)
    edges.append((len(words), min(seconds, end + _AIR_SECONDS)))
    for (first, begins), (last, ends) in neighbours(edges):
        passage = Passage(begins, max(begins, ends), tuple(words[first:last]), hints[first:last])
        yield from _not_too_long(_near_its_hints(passage, speech), speech)


def in_parts(passage: Passage, speech: SpeechMap) -> List[Passage]:
    """The passage cut in every recognised pause; whole where there is none."""
    edges = [(0, passage.start), *_cuts(passage.hints, _PART_SECONDS)]
    edges.append((len(passage.words), passage.end))
    return [
        replace(
            passage,
            start=start,
            end=max(start, end),
            words=passage.words[first:last],
            hints=passage.hints[first:last],
            sound=speech.sound(start, max(start, end)),
        )
        for (first, start), (last, end) in neighbours(edges)
    ]


def _hints(words: Sequence[str], heard: Sequence[Word]) -> Tuple[Optional[Word], ...]:
    if not heard:
        return (None,) * len(words)
    found = match([bare(word) for word in words], [bare(word.word) for word in heard])
    return tuple(None if place is None else heard[place] for place in found)


def _cuts(hints: Sequence[Optional[Word]], seconds: Tuple[float, float]) -> List[Tuple[int, float]]:
    """The words that begin a passage, and when: each in the longest pause that is near enough.

    From one cut to the next lie at least, and if possible at most, so many seconds.
    """
    cuts: List[Tuple[int, float]] = []
    begun = next((hint.start for hint in hints if hint is not None), 0.0)
    best: Optional[Tuple[float, int, float]] = None
    for index in range(2, len(hints) - 1):
        before, after = hints[index - 1], hints[index]
        if before is None or after is None or not _is_sure(hints, index):
            continue
        moment = (before.end + after.start) / 2
        if best is not None and moment - begun > seconds[1]:
            cuts.append(best[1:])
            begun, best = best[2], None
        pause = after.start - before.end
        if moment - begun >= seconds[0] and (best is None or pause > best[0]):
            best = (pause, index, moment)
    return [*cuts, best[1:]] if best is not None else cuts


def _is_sure(hints: Sequence[Optional[Word]], index: int) -> bool:
    """Whether the words around a place were recognised too, in order of time."""
    around = [word for word in hints[index - 2 : index + 2] if word is not None]
    in_order = all(a.end <= b.start + _AIR_SECONDS for a, b in neighbours(around))
    return len(around) == 4 and in_order  # noqa: PLR2004 (two on each side)


def _near_its_hints(passage: Passage, speech: SpeechMap) -> Passage:
    """Not much longer than from its first recognised word to its last."""
    known = [place for place, hint in enumerate(passage.hints) if hint is not None]
    start, end = passage.start, passage.end
    if len(known) > 1:
        first, last = passage.hints[known[0]], passage.hints[known[-1]]
        assert first is not None
        assert last is not None
        start = max(start, min(end, first.start - _room(passage.words[: known[0]])))
        end = min(end, max(start, last.end + _room(passage.words[known[-1] + 1 :])))
    return replace(passage, start=start, end=end, sound=speech.sound(start, end))


def _room(words: Sequence[str]) -> float:
    return _SLACK_SECONDS + _SECONDS_PER_LETTER * sum(map(len, words))


def _not_too_long(passage: Passage, speech: SpeechMap) -> Iterator[Passage]:
    """The passage, or pieces with as much of the speech as each has of the letters."""
    if not passage.words:
        return
    if sum(end - start for start, end in passage.sound) <= _LONGEST_SECONDS:
        yield passage
        return
    clock = speech.clock(passage.start, passage.end)
    pieces = int(clock.seconds // _PIECE_SECONDS) + 1
    letters = list(accumulate(len(word) for word in passage.words))
    even = [clock.time(clock.seconds * piece / pieces) for piece in range(1, pieces)]
    moments = [_pause_near(moment, clock.pauses) for moment in even]
    spoken = [clock.spoken(moment) / clock.seconds * letters[-1] for moment in moments]
    firsts = [bisect.bisect_right(letters, count) for count in spoken]
    edges = [(0, passage.start), *zip(firsts, moments), (len(letters), passage.end)]  # noqa: B905 (Python 3.10)
    for (first, start), (last, end) in neighbours(edges):
        if first < last:
            yield replace(
                passage,
                start=start,
                end=max(start, end),
                words=passage.words[first:last],
                hints=passage.hints[first:last],
                sound=speech.sound(start, max(start, end)),
            )


def _pause_near(moment: float, pauses: Sequence[float]) -> float:
    near = min(pauses, key=lambda pause: abs(pause - moment), default=moment)
    return near if abs(near - moment) < _PIECE_SECONDS / 2 else moment
