"""Translates the segments of a transcript, keeps terms, and says what was not translated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from term_masking import Masked, Match, TermFinder, around, mask
from text_pieces import has_words, in_one_line
from translation_engine import Engine, EngineError, Outcome, StandIns, translate_texts

from shared.transcript import Segment


@dataclass(frozen=True)
class Translation:
    """Translated segments, and how many of them were translated in parts around their terms."""

    segments: Tuple[Segment, ...]
    in_parts: int

    @property
    def untranslated(self) -> List[Segment]:
        """The segments without a translation."""
        return [segment for segment in self.segments if segment.untranslated is not None]


@dataclass(frozen=True)
class _Text:
    """What is said in a segment, in one line, with the terms in it."""

    said: str
    terms: Sequence[Match]


def translate_segments(
    segments: Sequence[Segment], engine: Engine, finder: TermFinder, tell: Callable[[int], None]
) -> Translation:
    """Translates each segment by itself; ``tell`` hears how many are done.

    Raises EngineError when the engine fails with everything that has words.
    """
    outcomes: List[Outcome] = []
    in_parts = 0
    for start in range(0, len(segments), engine.at_once):
        group = [_text(segment, finder) for segment in segments[start : start + engine.at_once]]
        found, parted = _translate_group(group, engine)
        outcomes += found
        in_parts += parted
        tell(len(outcomes))
    _check_that_it_works(segments, outcomes)
    translated = [
        _translated(segment, outcome)
        for segment, outcome in zip(segments, outcomes)  # noqa: B905 (strict= came with Python 3.10)
    ]
    return Translation(tuple(translated), in_parts)


def _text(segment: Segment, finder: TermFinder) -> _Text:
    said = in_one_line(segment.text)
    return _Text(said, finder.find(said))


def _translate_group(group: Sequence[_Text], engine: Engine) -> Tuple[List[Outcome], int]:
    """The outcomes, and how many texts were translated in parts."""
    outcomes: Dict[int, Outcome] = {}
    waiting = list(range(len(group)))
    for stand_ins in engine.stand_ins:
        waiting = _translate_masked(group, waiting, stand_ins, engine, outcomes)
    _translate_around(group, waiting, engine, outcomes)
    return [outcomes[index] for index in range(len(group))], len(waiting)


def _translate_masked(
    group: Sequence[_Text],
    waiting: Sequence[int],
    stand_ins: StandIns,
    engine: Engine,
    outcomes: Dict[int, Outcome],
) -> List[int]:
    """Fills in outcomes; returns the texts that came back without one of their terms."""
    masked = {index: mask(group[index].said, group[index].terms, stand_ins()) for index in waiting}
    tried = {index: found for index, found in masked.items() if found is not None}
    found = translate_texts(engine, [text.text for text in tried.values()])
    for index, outcome in zip(tried, found):  # noqa: B905 (strict= came with Python 3.10)
        whole = _restored(tried[index], outcome)
        if whole is not None:
            outcomes[index] = whole
    return [index for index in waiting if index not in outcomes]


def _restored(masked: Masked, outcome: Outcome) -> Optional[Outcome]:
    if outcome.reason is not None:
        return outcome
    text = masked.restore(outcome.text)
    return None if text is None else Outcome(text)


def _translate_around(
    group: Sequence[_Text], waiting: Sequence[int], engine: Engine, outcomes: Dict[int, Outcome]
) -> None:
    """Fills in the outcomes of texts whose terms the engine does not leave alone."""
    parts = [around(group[index].said, group[index].terms) for index in waiting]
    found = iter(translate_texts(engine, [part for texts in parts for part in texts]))
    for index, texts in zip(waiting, parts):  # noqa: B905 (strict= came with Python 3.10)
        outcomes[index] = _put_together(texts, [next(found) for _ in texts], group[index].terms)


def _put_together(
    texts: Sequence[str], translated: Sequence[Outcome], terms: Sequence[Match]
) -> Outcome:
    whole = ""
    for number, (text, outcome) in enumerate(
        zip(texts, translated)  # noqa: B905 (strict= came with Python 3.10)
    ):
        if outcome.reason is not None:
            return outcome
        if number:
            whole += terms[number - 1].after(whole)
        # An engine trims its texts, and the blanks around a term are part of them.
        blank_before, blank_behind = text[:1].isspace(), text[-1:].isspace()
        whole += " " * blank_before + outcome.text.strip() + " " * (blank_behind and text != " ")
    return Outcome(" ".join(whole.split()))


def _check_that_it_works(segments: Sequence[Segment], outcomes: Sequence[Outcome]) -> None:
    failures = [outcome for outcome in outcomes if outcome.is_failure]
    if failures and len(failures) == sum(has_words(segment.text) for segment in segments):
        message = (
            f"The engine failed with all {len(failures)} segments: {failures[0].reason}. Look into"
            " the stage's log."
        )
        raise EngineError(message)


def _translated(segment: Segment, outcome: Outcome) -> Segment:
    return replace(
        segment,
        text=outcome.text if has_words(segment.text) else segment.text,
        words=(),
        source_text=segment.text,
        untranslated=outcome.reason,
    )
