"""Gives every word its time: as aligned, as recognised, else between its neighbours."""

from __future__ import annotations

from itertools import accumulate
from typing import List, Optional, Sequence, Tuple

from passages import Passage
from speech_clock import SpeechMap, neighbours

from shared.transcript import Word

Times = Tuple[float, float]
# What a letter needs at least, and at most where there is room for more.
_QUICK_SECONDS = 0.03
_SLOW_SECONDS = 0.12
# A word at the edge of speech keeps at least this when it is cut to it.
_SHORTEST_SECONDS = 0.03


def timed(
    passage: Passage, aligned: Optional[Sequence[Optional[Times]]], speech: SpeechMap
) -> List[Word]:
    """Every word of the passage, in order of time."""
    words: List[Optional[Word]]
    if aligned is None:
        words = [
            None if hint is None else Word(word, hint.start, hint.end, hint.confidence, hint.timing)
            for word, hint in zip(passage.words, passage.hints)  # noqa: B905 (Python 3.10)
        ]
    else:
        words = [
            None if span is None else Word(word, *_clamped(span, speech), timing="aligned")
            for word, span in zip(passage.words, aligned)  # noqa: B905 (Python 3.10)
        ]
    return _in_order(_filled(passage, words, speech))


def _clamped(span: Times, speech: SpeechMap) -> Times:
    """Within the speech that it touches, because a word at an edge takes in music or breath."""
    touched = speech.within(*span)
    if not touched:
        return span
    start, end = max(span[0], touched[0][0]), min(span[1], touched[-1][1])
    return (start, end) if end - start >= _SHORTEST_SECONDS else span


def _filled(passage: Passage, words: List[Optional[Word]], speech: SpeechMap) -> List[Word]:
    filled: List[Word] = []
    place = 0
    while place < len(words):
        word = words[place]
        if word is not None:
            filled.append(word)
            place += 1
            continue
        until = next((n for n in range(place, len(words)) if words[n] is not None), len(words))
        after = words[until] if until < len(words) else None
        texts = list(passage.words[place:until])
        place = until
        filled += _between(passage, texts, (filled, after), speech)
        if after is not None:
            words[until] = _later(after, filled[-1].end)
    return filled


def _later(word: Word, earliest: float) -> Word:
    """The word from the given time on; its times are no longer the engine's if that moves it."""
    if word.start >= earliest:
        return word
    return Word(word.word, earliest, max(word.end, earliest), word.confidence, "interpolated")


def _between(
    passage: Passage, texts: List[str], around: Tuple[List[Word], Optional[Word]], speech: SpeechMap
) -> List[Word]:
    """Times for words between two known ones, which give some of theirs where it is too narrow."""
    before, after = around
    start = before[-1].end if before else passage.start
    end = after.start if after is not None else max(start, passage.end)
    letters = sum(map(len, texts))
    if end - start < _QUICK_SECONDS * letters:
        if before:
            known = before.pop()
            (_, middle), *_ = _spread([known.word, *texts], known.start, end, speech)
            before.append(Word(known.word, known.start, middle, known.confidence, known.timing))
            start = middle
        elif after is not None:
            *spans, _ = _spread([*texts, after.word], start, after.end, speech)
            end = spans[-1][1]
    elif (before or after is not None) and end - start > _SLOW_SECONDS * letters:
        start, end = _next_to_known(start, end, _SLOW_SECONDS * letters, is_first=not before)
    spans = _spread(texts, start, end, speech)
    return [Word(t, *s, timing="interpolated") for t, s in zip(texts, spans)]  # noqa: B905 (Python 3.10)


def _next_to_known(start: float, end: float, seconds: float, *, is_first: bool) -> Times:
    """Words that would drag are said next to the word that is known."""
    return (end - seconds, end) if is_first else (start, start + seconds)


def _spread(texts: Sequence[str], start: float, end: float, speech: SpeechMap) -> List[Times]:
    """A row of times, in proportion to the letters, while somebody speaks."""
    clock = speech.clock(start, max(start, end))
    edges = [0, *accumulate(max(1, len(text)) for text in texts)]
    spoken = [clock.seconds * edge / edges[-1] for edge in edges]
    return [
        (clock.time(first), clock.time(last, is_end=True)) for first, last in neighbours(spoken)
    ]


def _in_order(words: Sequence[Word]) -> List[Word]:
    """The words with times to the millisecond, none before the one in front of it."""
    placed: List[Word] = []
    latest = 0.0
    for word in words:
        start = round(max(word.start, latest), 3)
        end = round(max(word.end, start), 3)
        placed.append(Word(word.word, start, end, word.confidence, word.timing))
        latest = end
    return placed
