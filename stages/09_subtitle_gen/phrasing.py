"""How well a text can be broken between two pieces: at a sentence, at a clause, or badly."""

from __future__ import annotations

from functools import lru_cache

from function_words import CONJUNCTIONS, LEANING, PREPOSITIONS

from shared.languages import terminologic

SENTENCE = 0
CLAUSE = 400
CONJUNCTION = 700
PREPOSITION = 900
ANYWHERE = 1500
# Between letters of scripts without spaces nobody but a dictionary knows where a word ends.
INSIDE_A_PHRASE = 1800
# After an article or a preposition the reader waits for the word that belongs to it.
HANGING = 3000

_SENTENCE_ENDS = ".!?…。！？｡؟۔।॥။"  # noqa: RUF001 (other scripts)
_CLAUSE_ENDS = ",;:،؛、，；：–—"  # noqa: RUF001 (other scripts)
_CLOSING = "\"'”’»“)]}」』）】》〉\u200b\u200e\u200f\u200d\u061c"  # noqa: RUF001 (other scripts)
_OPENING = "([{「『（【《〈¿¡"  # noqa: RUF001 (other scripts)
_DASHES = ("-", "–", "—")  # noqa: RUF001 (dashes are what is meant)
_AROUND_WORDS = "\"'“”„«»‘’()[]"  # noqa: RUF001 (quotation marks of all kinds)


class Phrasing:
    """The breaks of one language; for a language without a word list, those of punctuation."""

    def __init__(self, language: str) -> None:
        code = terminologic(language) or ""
        self._conjunctions = frozenset(CONJUNCTIONS.get(code, "").split())
        self._prepositions = frozenset(PREPOSITIONS.get(code, "").split())
        leaning = frozenset(LEANING.get(code, "").split())
        self._hanging = leaning | self._conjunctions | self._prepositions

    def cost(self, before: str, after: str, *, glued: bool) -> int:
        """How bad a break between two neighbouring pieces is, from SENTENCE to HANGING."""
        ending = before.rstrip(_CLOSING)[-1:]
        if ending and ending in _SENTENCE_ENDS:
            is_whole = not after[:1].islower()
            return SENTENCE if is_whole else CLAUSE
        if (ending and ending in _CLAUSE_ENDS) or after[0] in _OPENING or after in _DASHES:
            return CLAUSE
        if glued:
            return INSIDE_A_PHRASE
        if _bare(before) in self._hanging:
            return HANGING
        following = _bare(after)
        if following in self._conjunctions:
            return CONJUNCTION
        return PREPOSITION if following in self._prepositions else ANYWHERE


@lru_cache(maxsize=1 << 14)
def _bare(word: str) -> str:
    return word.lower().strip(_AROUND_WORDS)
