"""What the film's own details give: how its people are called, and its title."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from glossary_entries import LONGEST_LETTERS, Entry, Place
from role_words import DESCRIPTIONS, HONORIFICS, WORDS_TOO

from shared.languages import same_language

_MOST_ROLES = 100
_REMARK = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_NICKNAME = re.compile(r"[\"“„«]([^\"“”„«»]+)[\"”“»]| '([^']+)'(?= |$)")
_SEVERAL = re.compile(r"\s*[/;|]\s*|\s+-\s+|\s+(?:aka|alias)\s+", re.IGNORECASE)
_SHORTEST_PART = 3
_WORDS_OF_A_PHRASE = 3


class EnrichmentError(Exception):
    """The file with the film's details cannot be used; the message says why."""


@dataclass(frozen=True)
class FilmPeople:
    """Characters by importance, each in full, then parts of their names; the actors; the title."""

    characters: Tuple[str, ...] = ()
    parts: Tuple[str, ...] = ()
    actors: Tuple[str, ...] = ()
    title: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)

    def entries(self, file: str) -> Iterator[Entry]:
        """What a translation leaves as it is, and the title if it is a phrase that stands out.

        Names that may be common words are left to the translation: "The Raven", "Butcher", "Rose".
        """
        place = Place("tmdb", file, 1)
        phrases = (name for name in self.characters if " " in name and not _has_article(name))
        names = (part for part in self.parts if part.casefold() not in WORDS_TOO)
        for name in (*phrases, *names):
            yield Entry(name, place, is_name=True)
        if len(self.title.split()) >= _WORDS_OF_A_PHRASE:
            yield Entry(self.title, place, targets=self.titles, is_name=True)


def read_people(path: Path, language: str) -> FilmPeople:
    """The people and the title in a file with a film's details.

    `language` is the one that is spoken, in which the title is wanted. Raises EnrichmentError.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        message = f"{path.name} is no JSON: {error}. Run 02_tmdb again, or mend the file."
        raise EnrichmentError(message) from error
    if not isinstance(document, dict):
        message = f"{path.name} has no film's details in it. Run 02_tmdb again, or mend the file."
        raise EnrichmentError(message)
    return _people(document, language)


def split_character(text: str) -> Tuple[List[str], List[str]]:
    """The full names in a role as TMDB writes it, and parts by which people are called.

    ``Dr. Ana "Doc" Duarte / The Raven (voice)`` gives Ana Duarte and The Raven; Doc, Ana and
    Duarte. A description such as ``Police Officer`` gives nothing.
    """
    names: List[str] = []
    parts: List[str] = []
    for one in _SEVERAL.split(_REMARK.sub(" ", text)):
        nicknames = [first or second for first, second in _NICKNAME.findall(one)]
        words = _NICKNAME.sub(" ", one).replace('"', " ").split()
        while len(words) > 1 and _is_honorific(words[0]) and not _has_article(words[0]):
            words = words[1:]
        if all(map(_is_honorific, words)) or not all(map(_may_be_in_a_name, words)):
            continue
        name = " ".join(words).strip(",.")
        names.append(name)
        parts += [nickname for nickname in nicknames if _is_part(nickname)]
        if len(words) > 1 and not _has_article(name):
            parts += [word.strip(",.") for word in words if _is_part(word)]
    return names, parts


def _people(document: Mapping[str, Any], language: str) -> FilmPeople:
    characters: Dict[str, None] = {}
    parts: Dict[str, None] = {}
    actors: Dict[str, None] = {}
    for person in _list(document.get("cast"))[:_MOST_ROLES]:
        role = person if isinstance(person, dict) else {"name": person}
        found = split_character(_text(role.get("character")))
        characters.update(dict.fromkeys(found[0]))
        parts.update(dict.fromkeys(found[1]))
        actors[_text(role.get("name"))] = None
    titles = _titles(document)
    return FilmPeople(
        characters=tuple(characters),
        parts=tuple(part for part in parts if part not in characters),
        actors=tuple(name for name in actors if name),
        title=_spoken_title(document, titles, language),
        titles={tag: title for tag, title in titles.items() if not same_language(tag, language)},
    )


def _spoken_title(document: Mapping[str, Any], titles: Mapping[str, str], language: str) -> str:
    own: Optional[str] = next((titles[tag] for tag in titles if same_language(tag, language)), None)
    if same_language(_text(document.get("original_language")), language):
        own = _text(document.get("original_title")) or own
    return own or _text(document.get("title"))


def _titles(document: Mapping[str, Any]) -> Dict[str, str]:
    found = document.get("titles")
    pairs = found.items() if isinstance(found, dict) else ()
    return {_text(tag): _text(title) for tag, title in pairs if _text(tag) and _text(title)}


def _may_be_in_a_name(word: str) -> bool:
    bare = word.strip(".,'").lower()
    if bare in HONORIFICS:
        return True
    return bare not in DESCRIPTIONS and not bare.startswith("#") and _is_written_as_a_name(word)


def _is_written_as_a_name(word: str) -> bool:
    """Whether it begins with a capital; scripts without capitals cannot say."""
    first = next((character for character in word if character.isalpha()), "")
    return bool(first) and (first.isupper() or first == first.upper() == first.lower())


def _is_part(word: str) -> bool:
    bare = word.strip(".,")
    letters = sum(1 for character in bare if unicodedata.category(character)[0] in "LM")
    return letters >= _SHORTEST_PART and not _is_honorific(word) and _is_written_as_a_name(bare)


def _has_article(name: str) -> bool:
    return name.lower().split(" ")[0] == "the"


def _is_honorific(word: str) -> bool:
    return word.strip(".,").lower() in HONORIFICS


def _list(value: object) -> List[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return " ".join(value.split())[:LONGEST_LETTERS] if isinstance(value, str) else ""
