"""The marks with which Spanish opens questions and exclamations, and which Apertium leaves out."""

from __future__ import annotations

import re
from typing import AbstractSet, Iterator, NamedTuple, Optional, Sequence

from text_pieces import has_words, undecorated

# A sentence may go on behind a question: «Quién es?, dónde vive?». What ends in a quote is parted
# as well, so that a mark within it is not taken for one of what follows.
_BETWEEN_SENTENCES = re.compile(r"((?<=[.!?…])\s+|(?<=[!?])[,;:]\s+|(?<=[.!?…][\"'»”)])[,;:]?\s+)")
_BETWEEN_CLAUSES = re.compile(r"[,;:]\s+|\s+[-–—]\s+")  # noqa: RUF001 (typographic dashes are meant)
_BEFORE_WORDS = re.compile(r"(?:[\s\"'«“(\-–—]|<[^<>]{0,40}>)*")  # noqa: RUF001 (the same)
_WORD = re.compile(r"[^\W\d_]+")
_OPENS = {"?": "¿", "!": "¡"}
_QUOTES = {'"': '"', "'": "'", "»": "«", "”": "“", ")": "("}
_BEHIND_MARKS = "".join(_QUOTES) + ".…"
_ASKING = re.compile(
    r"(?:(?:pero|mas|y|entonces)\s+)?"
    r"(?:(?:a|ante|con|contra|de|desde|en|entre|hacia|hasta|para|por|según|sin|sobre)\s+)?"
    r"(?:a?dónde|cómo|cuál(?:es)?|cuán(?:do|t[oa]s?)?|qué|quién(?:es)?)\b",
    re.IGNORECASE,
)
_CONJUNCTION = re.compile(r"(?:pero|mas)\s+", re.IGNORECASE)
_INTERJECTION = re.compile(r"ah|ay|bah|eh|hey|no|oh|sí|uf|uy|vaya", re.IGNORECASE)
_TAG = re.compile(
    r"bien|cierto|correcto|de acuerdo|eh|no|no es así|sí|vale|verdad",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"amig[oa]s?|caballeros|capitán|cariño|chic[oa]s?|doctora?|herman[oa]|hij[oa]|madre|mamá|mi|mí[oa]"
    r"|padre|papá|profesora?|querid[oa]|señor(?:a|as|es|ita)?",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"además|así|así que|entonces|o|pero|por eso|pues|y"
    r"|(?:aunque|como|cuando|mientras|si|en cuanto a|(?:con )?respecto)\s.*",
    re.IGNORECASE,
)
_LEAD_OF_QUESTIONS = re.compile(
    r"bien|bueno|de acuerdo|dime|disculp[ae]|escucha|gracias|hola|mir[ae]|ok|okay|oiga|oye|perdón"
    r"|perdon[ae]|por favor|vale",
    re.IGNORECASE,
)
_ALTERNATIVE = re.compile(r"[ou]\s", re.IGNORECASE)


class _Clause(NamedTuple):
    start: int  # of its first word, in the sentence
    text: str
    is_announcement: bool = False  # a colon or a semicolon follows


def with_opening_marks(text: str, source: str = "") -> str:
    """The Spanish text with ¿ and ¡ where that begins which is asked or exclaimed.

    Who is addressed, conjunctions and conditions stay before the mark, as the Academy asks. A name
    is known by standing in the source, too.
    """
    names = {word for word in _WORD.findall(source) if word[0].isupper()}
    return "".join(_opened(part, names) for part in _BETWEEN_SENTENCES.split(text))


def _opened(sentence: str, names: AbstractSet[str]) -> str:
    before, said, behind = undecorated(sentence)
    closed = said.rstrip(_BEHIND_MARKS)
    words = closed.rstrip("?!")
    marks = closed[len(words) :]
    quoted = _quotation_start(words, said[len(closed) : len(closed) + 1])
    asked = words[quoted:]
    if not marks or not has_words(words) or any(mark in asked for mark in _OPENS.values()):
        return sentence
    start = quoted + _start(list(_clauses(asked)), names, is_question="?" in marks)
    opening = "".join(_OPENS[mark] for mark in reversed(marks))
    return before + said[:start] + opening + said[start:] + behind


def _quotation_start(words: str, closing: str) -> int:
    """Where the quotation or bracket begins that ends with the words; 0 where none does."""
    opening = _QUOTES.get(closing)
    for index in range(len(words) - 1, 0, -1):
        if words[index] == opening and not words[index - 1].isalnum():
            return index
    return 0


def _clauses(said: str) -> Iterator[_Clause]:
    start = 0
    for between in _BETWEEN_CLAUSES.finditer(said):
        yield _clause(said, start, between.start(), is_announcement=between[0][0] in ":;")
        start = between.end()
    yield _clause(said, start, len(said))


def _clause(said: str, start: int, end: int, *, is_announcement: bool = False) -> _Clause:
    opening = _BEFORE_WORDS.match(said, start, end)
    first = opening.end() if opening else start
    return _Clause(first, said[first:end], is_announcement)


def _start(clauses: Sequence[_Clause], names: AbstractSet[str], *, is_question: bool) -> int:
    """Where that begins which is asked or exclaimed."""
    index = next((i for i, clause in enumerate(clauses) if _ASKING.match(clause.text)), None)
    if index is None and is_question:
        index = _tag(clauses, names)
    if index is None:
        index = _leads(clauses, names, is_question=is_question)
    while not is_question and index and _INTERJECTION.fullmatch(clauses[index - 1].text):
        index -= 1
    conjunction = _CONJUNCTION.match(clauses[index].text)
    return clauses[index].start + (conjunction.end() if conjunction else 0)


def _tag(clauses: Sequence[_Clause], names: AbstractSet[str]) -> Optional[int]:
    """Which clause asks to confirm the ones before it: «Te gusta, ¿no?»."""
    index = len(clauses) - 1
    while index > 0 and _is_address(clauses[index], names):
        index -= 1
    return index if index > 0 and _TAG.fullmatch(clauses[index].text) else None


def _leads(clauses: Sequence[_Clause], names: AbstractSet[str], *, is_question: bool) -> int:
    """How many clauses at the beginning only lead to what is asked or exclaimed."""
    count = max((i + 1 for i, clause in enumerate(clauses) if clause.is_announcement), default=0)
    while (
        _is_lead(clauses[count], names, is_question=is_question)
        and not all(_is_address(clause, names) for clause in clauses[count + 1 :])
        and not _ALTERNATIVE.match(clauses[count + 1].text)
    ):
        count += 1
    return count


def _is_lead(clause: _Clause, names: AbstractSet[str], *, is_question: bool) -> bool:
    if is_question and (
        _LEAD_OF_QUESTIONS.fullmatch(clause.text) or _INTERJECTION.fullmatch(clause.text)
    ):
        return True
    return bool(_LEAD.fullmatch(clause.text)) or _is_address(clause, names)


def _is_address(clause: _Clause, names: AbstractSet[str]) -> bool:
    words = _WORD.findall(clause.text)
    return bool(words) and all(word in names or _ADDRESS.fullmatch(word) for word in words)
