"""What is known of a film: read from TMDB's answer or from a file of the same shape."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

_MOST_PEOPLE = 50
_MOST_KEYWORDS = 100
_MOST_TITLES = 200
_LONGEST_NAME = 300
_LONGEST_TEXT = 5000
_LARGEST_FILE_BYTES = 8 * 1024 * 1024
_YEAR = re.compile(r"\d{4}")
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class DetailsError(Exception):
    """The document holds no film; the message says what is wrong with it."""


@dataclass(frozen=True)
class Role:
    """Who plays in the film, and whom."""

    name: str
    character: str


@dataclass(frozen=True)
class Details:
    """One film; what nobody knows is empty or None. ``titles`` has one per language code."""

    title: str
    original_title: str
    original_language: str
    year: Optional[int]
    id: Optional[int]
    imdb_id: str
    overview: str
    genres: Tuple[str, ...] = ()
    keywords: Tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    cast: Tuple[Role, ...] = ()


def read_details(path: Path) -> Details:
    """The film in a JSON file: TMDB's own answer, or what this stage wrote once.

    Raises DetailsError.
    """
    size = path.stat().st_size
    if size > _LARGEST_FILE_BYTES:
        message = f"{path.name} has {size} bytes, and a film's details never have more than 8 MiB."
        raise DetailsError(message)
    data = path.read_bytes()
    if data.startswith(_UTF_16_MARKS):
        message = f"{path.name} is written in UTF-16. Save it as UTF-8."
        raise DetailsError(message)
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        message = f"{path.name} is no JSON in UTF-8: {error}. Mend it."
        raise DetailsError(message) from error
    try:
        return parse_details(document)
    except DetailsError as error:
        message = f"{path.name} describes no film: {error}."
        raise DetailsError(message) from error


def parse_details(document: object) -> Details:
    """The film in TMDB's answer for one film or series, or in this stage's own document.

    What cannot be understood beside the title is left out. Raises DetailsError without a title.
    """
    if not isinstance(document, dict):
        message = f"it is a JSON {type(document).__name__}, not an object with a title"
        raise DetailsError(message)
    if document.get("movie_found") is False:
        message = 'it says "movie_found": false'
        raise DetailsError(message)
    title = _name(document.get("title") or document.get("name"))
    if not title:
        message = "it has no title"
        raise DetailsError(message)
    original = _name(document.get("original_title") or document.get("original_name")) or title
    language = _name(document.get("original_language"))
    return Details(
        title=title,
        original_title=original,
        original_language=language,
        year=_year(document),
        id=_number(document.get("id")),
        imdb_id=_name(document.get("imdb_id")),
        overview=_text(document.get("overview"), _LONGEST_TEXT),
        genres=_names(document.get("genres"), _MOST_KEYWORDS),
        keywords=_names(_keywords(document.get("keywords")), _MOST_KEYWORDS),
        titles=_titles(document, language, original),
        cast=_cast(document),
    )


def details_document(details: Details, source: str) -> Dict[str, Any]:
    """What the stage writes; `source` says where it is from: tmdb or file."""
    found = {"movie_found": True, "source": source, **asdict(details)}
    return {**found, "titles": dict(sorted(details.titles.items()))}


def _year(document: Mapping[str, Any]) -> Optional[int]:
    for key in ("release_date", "first_air_date"):
        match = _YEAR.match(_name(document.get(key)))
        if match:
            return int(match[0])
    year = _number(document.get("year"))
    return year if year is not None and _YEAR.fullmatch(str(year)) else None


def _number(value: object) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _keywords(value: object) -> object:
    """Films have them under keywords.keywords, series under keywords.results, we in a list."""
    if isinstance(value, dict):
        return value.get("keywords") or value.get("results")
    return value


def _names(value: object, most: int) -> Tuple[str, ...]:
    """The different names in a list of texts or of objects with a name, in their order."""
    found = (_name(item.get("name") if isinstance(item, dict) else item) for item in _list(value))
    return tuple(dict.fromkeys(name for name in found if name))[:most]


def _titles(document: Mapping[str, Any], language: str, original: str) -> Dict[str, str]:
    """The first title of each language, beginning with the original."""
    found = {language: original} if language else {}
    for tag, title in _translated(document):
        if tag and title and len(found) < _MOST_TITLES:
            found.setdefault(tag, title)
    return found


def _translated(document: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    own = document.get("titles")
    for tag, title in own.items() if isinstance(own, dict) else ():
        yield _name(tag), _name(title)
    translations = document.get("translations")
    entries = translations.get("translations") if isinstance(translations, dict) else None
    for entry in _list(entries):
        data = entry.get("data") if isinstance(entry, dict) else None
        if isinstance(data, dict):
            yield _name(entry.get("iso_639_1")), _name(data.get("title") or data.get("name"))


def _cast(document: Mapping[str, Any]) -> Tuple[Role, ...]:
    credits_ = document.get("credits")
    own = credits_.get("cast") if isinstance(credits_, dict) else document.get("cast")
    people = [person for person in _list(own) if isinstance(person, dict)]
    people.sort(key=_place)  # stable: people without a place stay behind the others, in order
    roles = (Role(_name(person.get("name")), _name(person.get("character"))) for person in people)
    return tuple(role for role in roles if role.name or role.character)[:_MOST_PEOPLE]


def _place(person: Mapping[str, Any]) -> int:
    order = _number(person.get("order"))
    return order if order is not None else 1_000_000


def _list(value: object) -> List[Any]:
    return value if isinstance(value, list) else []


def _name(value: object) -> str:
    return _text(value, _LONGEST_NAME)


def _text(value: object, longest: int) -> str:
    """One line of valid text; lone halves of characters, which JSON can hold, are replaced."""
    if not isinstance(value, str):
        return ""
    valid = value[: 4 * longest].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join(valid.replace("\0", " ").split())[:longest]
