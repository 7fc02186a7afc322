"""Terms of a glossary: found in a text, hidden from an engine, and put back as they should be."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from shared.glossary import Term
from shared.languages import same_language

# Scripts that write without blanks, in which each character may begin or end a word.
_WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_SENTENCE_ENDS = ".!?…。！？"  # noqa: RUF001 (full-width signs are meant)
# Stand-ins are of these letters. Next to others of them a stand-in has become part of a word, while
# Korean or Japanese writes its particles right behind it.
_LATIN = "0-9A-Za-z\u00c0-\u024f"
_AS_TYPED = {"’": "'", "‘": "'", "“": '"', "”": '"'}  # noqa: RUF001 (typographic quotes are meant)
_Key = Tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """A term's place in a text, and the text that must stand for it in the translation.

    ``is_capital`` tells whether it was said with a capital, as at the beginning of a sentence.
    """

    start: int
    end: int
    translation: str
    is_capital: bool

    def after(self, before: str) -> str:
        """The translation as it stands behind that text: with a capital if a sentence begins."""
        begun = before.rstrip(" \"'“«‘¿¡-–—♪")  # noqa: RUF001 (typographic signs are meant)
        opens_a_sentence = not begun or begun[-1] in _SENTENCE_ENDS
        if self.is_capital and opens_a_sentence:
            return self.translation[:1].upper() + self.translation[1:]
        return self.translation


@dataclass(frozen=True)
class Masked:
    """A text in which each term is hidden behind a stand-in of its own."""

    text: str
    stand_ins: Mapping[str, Match]

    def restore(self, translated: str) -> Optional[str]:
        """The translation with the terms; None unless each stand-in came back exactly once."""
        for stand_in, match in self.stand_ins.items():
            places = list(_whole_word(stand_in).finditer(translated))
            if len(places) != 1:
                return None
            before, behind = translated[: places[0].start()], translated[places[0].end() :]
            translated = before + match.after(before) + behind
        return translated


class TermFinder:
    """Finds terms in texts: whole words in any capitals, the longest where several begin.

    Where terms are alike the first counts. A term that has no text for the language stays as the
    glossary spells it.
    """

    def __init__(self, terms: Sequence[Term], language: str) -> None:
        self._translations: Dict[_Key, str] = {}
        for term in terms:
            translation = _translation(term, language)
            for spelling in (term.source, *term.aliases):
                key = tuple(word for _, _, word in _words(spelling))
                if any(map(str.isalnum, "".join(key))):
                    self._translations.setdefault(key, " ".join((translation or spelling).split()))
        self._lengths: Dict[str, List[int]] = {}
        for first, lengths in _by_first_word(self._translations).items():
            self._lengths[first] = sorted(lengths, reverse=True)

    def find(self, text: str) -> List[Match]:
        """The terms in the text, in order; they never overlap."""
        if not self._translations:
            return []
        words = list(_words(text))
        matches, index = [], 0
        while index < len(words):
            length = self._length_at(words, index)
            if length:
                start, end = words[index][0], words[index + length - 1][1]
                key = tuple(word for _, _, word in words[index : index + length])
                matches.append(_match(text, start, end, self._translations[key]))
            index += length or 1
        return matches

    def _length_at(self, words: Sequence[Tuple[int, int, str]], index: int) -> int:
        for length in self._lengths.get(words[index][2], ()):
            if tuple(word for _, _, word in words[index : index + length]) in self._translations:
                return length
        return 0


def mask(text: str, matches: Sequence[Match], stand_ins: Iterable[str]) -> Optional[Masked]:
    """The text with stand-ins that occur in neither it nor the terms; None when there are too few.

    ``stand_ins`` may be endless; one after the other is tried.
    """
    taken = " ".join([text, *(match.translation for match in matches)]).casefold()
    free = (stand_in for stand_in in stand_ins if stand_in.casefold() not in taken)
    chosen = dict(zip(free, matches))  # noqa: B905 (strict= came with Python 3.10)
    if len(chosen) < len(matches):
        return None
    parts, position = [], 0
    for stand_in, match in zip(chosen, matches):  # noqa: B905 (strict= came with Python 3.10)
        parts += [text[position : match.start], stand_in]
        position = match.end
    return Masked("".join([*parts, text[position:]]), chosen)


def around(text: str, matches: Sequence[Match]) -> List[str]:
    """The texts before, between and behind the terms, one more than there are terms."""
    edges = [0, *(edge for match in matches for edge in (match.start, match.end)), len(text)]
    return [text[edges[index] : edges[index + 1]] for index in range(0, len(edges), 2)]


def _match(text: str, start: int, end: int, translation: str) -> Match:
    said = text[start:end]
    # A term is shouted where its whole surroundings are; USA alone does not tell.
    if said.isupper() and text.isupper() and len(text) > len(said):
        translation = translation.upper()
    return Match(start, end, translation, said[0].isupper())


def _by_first_word(keys: Iterable[_Key]) -> Dict[str, List[int]]:
    found: Dict[str, List[int]] = {}
    for key in keys:
        lengths = found.setdefault(key[0], [])
        if len(key) not in lengths:
            lengths.append(len(key))
    return found


def _translation(term: Term, language: str) -> Optional[str]:
    """The text for exactly this tag, else for its language, else for another of its regions."""
    texts = {tag.replace("_", "-").lower(): text for tag, text in term.targets.items() if text}
    for tag in (language.lower(), language.lower().split("-")[0]):
        if tag in texts:
            return texts[tag]
    others = sorted(tag for tag in texts if same_language(tag, language))
    return texts[others[0]] if others else None


def _words(text: str) -> Iterator[Tuple[int, int, str]]:
    """Start, end and comparable form of each word, and of each sign that is no blank."""
    start = 0
    while start < len(text):
        end = start + 1
        if _is_part_of_word(text[start]):
            while end < len(text) and _is_part_of_word(text[end]):
                end += 1
        elif _WITHOUT_BLANKS.match(text[start]):
            while end < len(text) and unicodedata.category(text[end])[0] == "M":
                end += 1
        if not text[start].isspace():
            yield start, end, _comparable(text[start:end])
        start = end


def _is_part_of_word(character: str) -> bool:
    if _WITHOUT_BLANKS.match(character):
        return False
    # A combining mark, such as an Indic vowel, belongs to the letter before it.
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _comparable(word: str) -> str:
    return unicodedata.normalize("NFKC", _AS_TYPED.get(word, word).casefold())


def _whole_word(stand_in: str) -> "re.Pattern[str]":
    alone = rf"(?<![{_LATIN}]){re.escape(stand_in)}(?![{_LATIN}])"
    return re.compile(alone, re.IGNORECASE)
