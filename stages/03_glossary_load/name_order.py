"""Which names a recogniser should know first: it has room for some only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Sequence

from film_people import FilmPeople
from glossary_merge import Gathered, fold


@dataclass(frozen=True)
class Name:
    """A name and who gave it: film, tmdb, master or learned."""

    text: str
    origin: str


def order_names(terms: Sequence[Gathered], people: FilmPeople) -> List[Name]:
    """Every name once, the most important first.

    What somebody marked as a name in the film's glossary leads; then come the film's characters and
    its title, what the other glossaries mark or write with a capital, parts of the characters'
    names, and the actors, of whom a film hardly ever speaks.
    """
    found: Dict[str, Name] = {}
    for name in _in_order(terms, people):
        if name.text:
            found.setdefault(fold(name.text), name)
    return list(found.values())


def _in_order(terms: Sequence[Gathered], people: FilmPeople) -> Iterator[Name]:
    yield from _names(terms, "film")
    yield from _from_film((*people.characters, people.title))
    yield from _names(terms, "master")
    yield from _names(terms, "learned")
    yield from _from_film(people.parts)
    yield from _from_film(people.actors)


def _names(terms: Sequence[Gathered], origin: str) -> Iterator[Name]:
    own = [term for term in terms if term.entry.place.origin == origin]
    yield from (Name(term.entry.source, origin) for term in own if term.has_name_marked)
    unmarked = (term for term in own if term.is_name is None and not term.stays)
    for term in unmarked:
        if term.entry.source[:1].isupper():
            yield Name(term.entry.source, origin)


def _from_film(texts: Iterable[str]) -> Iterator[Name]:
    return (Name(text, "tmdb") for text in texts)
