"""Apertium: rules for pairs of related languages, run as a program."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import replace
from typing import Counter, Dict, Iterator, List, Mapping, Sequence, Tuple

from spanish_marks import with_opening_marks
from translation_engine import CODE, AttemptError, Attempts, EngineError, Outcome, StandIns, codes

from shared.languages import same_language

# Apertium's time grows with the square of a word's length: 100 000 letters take 20 s.
_LONGEST_WORD = 200
# Above some 500 words in one sentence the English tagger drops text.
_LONGEST_TEXT = 1000
_TEXTS_AT_ONCE = 500
_CHARACTERS_AT_ONCE = 50_000
_SECONDS_TO_START = 20.0
_SECONDS_A_TEXT = 0.2
# Only across an empty line do neighbours leave each other alone.
_BETWEEN_TEXTS = "\n\n"
# First names that Apertium's dictionaries of European languages have and do not translate: their
# grammar stays right around a name. They begin with consonants, before which nothing is elided.
_NAMES = (
    "Peter",
    "John",
    "Robert",
    "Charles",
    "David",
    "Thomas",
    "Martin",
    "Simon",
    "Mark",
    "Henry",
)
# What people say alike in every language, whether or not a dictionary has it.
_SOUNDS = frozenset(
    [
        *(
            "ah",
            "aha",
            "ay",
            "eh",
            "er",
            "ha",
            "haha",
            "hey",
            "hm",
            "hmm",
            "huh",
            "la",
            "mm",
            "mmm",
        ),
        *("na", "oh", "ok", "okay", "ooh", "uh", "um", "wow"),
    ]
)
_PUNCTUATION = ",.;:!?…)"
_LONGEST_INITIALS = 3
_MOST_LISTED_WORDS = 3
_LONGEST_LISTED_WORD = 30
_WORD = re.compile(r"[^\W\d_]+")
_MARKED_WORD = re.compile(r"\*([^\W_]+)")


class ApertiumEngine:
    """One of Apertium's modes, such as eng-spa."""

    at_once: int = _TEXTS_AT_ONCE
    limit: int = _LONGEST_TEXT

    def __init__(self, mode: str) -> None:
        self.stand_ins: Tuple[StandIns, ...] = (_names, codes)
        self._is_into_spanish = same_language(mode.partition("-")[2].partition("_")[0], "es")
        self._plain = Attempts(lambda texts: _run(["apertium", "-u", mode], texts))
        self._marked = Attempts(lambda texts: _run(["apertium", mode], texts))

    def size(self, text: str) -> int:
        """The number of characters; more than the limit if a word alone is too long."""
        too_long = any(len(word) > _LONGEST_WORD for word in text.split(" "))
        return max(len(text), _LONGEST_TEXT + 1) if too_long else len(text)

    def translate(self, texts: Sequence[str]) -> List[Outcome]:
        """Translates texts of one line. Raises EngineError when Apertium does not work at all."""
        outcomes = [
            replace(outcome, text=self._tidied(outcome.text, text))
            for outcome, text in zip(  # noqa: B905 (strict= came with Python 3.10)
                _in_batches(self._plain, texts), texts
            )
        ]
        doubtful = {
            index: texts[index]
            for index, outcome in enumerate(outcomes)
            if outcome.reason is None and _words(outcome.text) == _words(texts[index])
        }
        for index, reason in self._reasons(doubtful).items():
            outcomes[index] = Outcome(reason=reason)
        return outcomes

    def _tidied(self, translated: str, text: str) -> str:
        # Apertium puts blanks before punctuation now and then.
        for sign in _PUNCTUATION:
            if f" {sign}" not in text:
                translated = translated.replace(f" {sign}", sign)
        return with_opening_marks(translated, text) if self._is_into_spanish else translated

    def _reasons(self, texts: Mapping[int, str]) -> Dict[int, str]:
        """Why texts that came back as they were are not translated; the others are left out.

        Names and numbers are alike in both languages, so it takes a word that Apertium, which
        marks such words, does not know.
        """
        bare = [text.replace("*", " ") for text in texts.values()]  # an asterisk is the mark
        reasons = {}
        for index, outcome in zip(  # noqa: B905 (strict= came with Python 3.10)
            texts, _in_batches(self._marked, bare)
        ):
            unknown = list(filter(_should_be_known, _MARKED_WORD.findall(outcome.text)))
            if outcome.reason is not None:
                reasons[index] = outcome.reason
            elif unknown:
                reasons[index] = f"Apertium does not know {_listed(unknown)}"
        return reasons


def list_modes() -> List[str]:
    """The modes that are installed. Raises EngineError where Apertium is not."""
    try:
        return _output_of(["apertium", "-l"], "", _SECONDS_TO_START).split()
    except AttemptError as error:
        message = f"Apertium does not say what it can translate: {error}. Build the image again."
        raise EngineError(message) from error


def _run(command: Sequence[str], texts: Sequence[str]) -> List[Outcome]:
    seconds = _SECONDS_TO_START + _SECONDS_A_TEXT * len(texts)
    output = _output_of(command, _BETWEEN_TEXTS.join(texts) + "\n", seconds)
    translated = output.rstrip("\n").split(_BETWEEN_TEXTS)
    if len(translated) != len(texts):
        message = f"Apertium made {len(translated)} texts of {len(texts)}"
        raise AttemptError(message)
    return [Outcome(" ".join(text.split())) for text in translated]


def _output_of(command: Sequence[str], text: str, seconds: float) -> str:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        message = f"Apertium cannot be started: {error}. Build the stage's image again."
        raise EngineError(message) from error
    try:
        output, errors = process.communicate(text.encode("utf-8"), seconds)
    except subprocess.TimeoutExpired:
        _kill(process)
        message = f"Apertium did not come to an end in {seconds:.0f} s"
        raise AttemptError(message) from None
    except BaseException:  # a TERM arrives as SystemExit
        _kill(process)
        raise
    if process.returncode:
        said = errors.decode("utf-8", "replace").strip()[-200:]
        message = f"Apertium ended with exit code {process.returncode}: {said or 'no message'}"
        raise AttemptError(message)
    return output.decode("utf-8", "replace")


def _kill(process: "subprocess.Popen[bytes]") -> None:
    # Apertium is a shell script with a dozen programs behind it, which would live on.
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _in_batches(attempts: Attempts, texts: Sequence[str]) -> List[Outcome]:
    outcomes: List[Outcome] = []
    start = 0
    while start < len(texts):
        end, characters = start + 1, len(texts[start])
        while end < len(texts) and end - start < _TEXTS_AT_ONCE:
            characters += len(texts[end])
            if characters > _CHARACTERS_AT_ONCE:
                break
            end += 1
        outcomes += attempts.translate(texts[start:end])
        start = end
    return outcomes


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text.casefold()))


def _should_be_known(word: str) -> bool:
    initials = word.isupper() and len(word) <= _LONGEST_INITIALS
    return not (initials or word.casefold() in _SOUNDS or CODE.match(word))


def _listed(words: Sequence[str]) -> str:
    few = ", ".join(word[:_LONGEST_LISTED_WORD] for word in words[:_MOST_LISTED_WORDS])
    return f"{few} …" if len(words) > _MOST_LISTED_WORDS else few


def _names() -> Iterator[str]:
    return iter(_NAMES)
