"""What every engine offers, and how texts get to it: in pieces, and in halves where it fails."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Callable, Iterator, List, Optional, Protocol, Sequence, Tuple

from text_pieces import cut, has_words

# An engine that fails this often in a row fails for a reason that is not in the texts.
_MOST_FAILURES_IN_A_ROW = 20

StandIns = Callable[[], Iterator[str]]
CODE = re.compile(r"Zx\d+q", re.IGNORECASE)


def codes() -> Iterator[str]:
    """Stand-ins that are no word of any language, and that engines let pass unchanged."""
    return (f"Zx{number}q" for number in itertools.count())


class EngineError(Exception):
    """The engine cannot be used, or not for these languages; the message says what to do."""


class AttemptError(Exception):
    """The engine failed with a batch of texts; the message is a reason for the user."""


@dataclass(frozen=True)
class Outcome:
    """A translated text, or why there is none."""

    text: str = ""
    reason: Optional[str] = None
    is_failure: bool = False


class Engine(Protocol):
    """Translates from one language into another.

    ``stand_ins`` has the words that may come through unchanged, the most promising kind first.
    ``at_once`` is how many segments are handed over together, and ``limit`` the largest size of a
    text.
    """

    stand_ins: Tuple[StandIns, ...]
    at_once: int
    limit: int

    def size(self, text: str) -> int:
        """The size of a text, in the unit of ``limit``: what is larger has to be cut."""
        ...

    def translate(self, texts: Sequence[str]) -> List[Outcome]:
        """Translates texts of one line, each with a word and within the limit, by themselves."""
        ...


def translate_texts(engine: Engine, texts: Sequence[str]) -> List[Outcome]:
    """Translates texts of one line and any length; what has no words stays as it is."""
    in_pieces = [cut(text, engine.size, engine.limit) for text in texts]
    pieces = [piece for parts in in_pieces for piece in parts or () if has_words(piece)]
    translated = iter(engine.translate(pieces))
    return [
        Outcome(reason="it has a word that is too long")
        if parts is None
        else _joined(
            [_checked(next(translated)) if has_words(part) else Outcome(part) for part in parts]
        )
        for parts in in_pieces
    ]


class Attempts:
    """Batches for an engine; a batch that fails is tried again in halves, down to single texts."""

    def __init__(self, attempt: Callable[[Sequence[str]], List[Outcome]]) -> None:
        self._attempt = attempt
        self._failures_in_a_row = 0

    def translate(self, texts: Sequence[str]) -> List[Outcome]:
        """An outcome per text. Raises EngineError when one text after the other fails."""
        if not texts:
            return []
        try:
            outcomes = self._attempt(texts)
            self._failures_in_a_row = 0
            return outcomes
        except AttemptError as error:
            if len(texts) == 1:
                return [self._failure(error)]
        middle = len(texts) // 2
        return self.translate(texts[:middle]) + self.translate(texts[middle:])

    def _failure(self, error: AttemptError) -> Outcome:
        self._failures_in_a_row += 1
        if self._failures_in_a_row == _MOST_FAILURES_IN_A_ROW:
            message = (
                f"The engine failed {_MOST_FAILURES_IN_A_ROW} times in a row, last because {error}."
                " Look into the stage's log, and give the stage more memory if it was killed."
            )
            raise EngineError(message) from error
        return Outcome(reason=str(error), is_failure=True)


def _checked(outcome: Outcome) -> Outcome:
    if outcome.reason is None and not has_words(outcome.text):
        return Outcome(reason="the engine gave nothing back")
    return outcome


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    for outcome in outcomes:
        if outcome.reason is not None:
            return outcome
    return Outcome(" ".join(outcome.text for outcome in outcomes))
