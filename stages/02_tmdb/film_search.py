"""Which of TMDB's films is the one that was meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional, Sequence

from film_database import FilmDatabase, Found
from film_name import FilmName, bare_title, guess_names, is_episode
from lookup_errors import NotAskedError, UnknownFilmError, WrongSettingError

_TMDB_ID = re.compile(r"[0-9]{1,10}")
_IMDB_ID = re.compile(r"tt[0-9]{5,10}")
_YEARS_APART = 1
_SHOWN = 3


@dataclass(frozen=True)
class Wanted:
    """What the settings and the film's file say; empty texts and None say nothing."""

    id: str = ""
    title: str = ""
    year: Optional[int] = None
    file_name: str = ""

    def check(self) -> None:
        """Raises WrongSettingError for an id of neither TMDB nor IMDb."""
        if self.id and not _TMDB_ID.fullmatch(self.id) and not _IMDB_ID.fullmatch(self.id):
            message = (
                f"TMDB_ID is {self.id!r}. Set the film's number at TMDB (603) or at IMDb"
                " (tt0133093), or leave it empty."
            )
            raise WrongSettingError(message)

    def names(self) -> Sequence[FilmName]:
        """What to search for, in this order. Raises NotAskedError when there is nothing."""
        if self.title:
            return (FilmName(self.title, self.year),)
        guesses = guess_names(self.file_name)
        if self.year is not None:
            guesses = tuple(dict.fromkeys(FilmName(name.title, self.year) for name in guesses))
        if guesses:
            return guesses
        what = "The job has no film whose name could tell"
        if self.file_name and is_episode(self.file_name):
            what = f"{self.file_name!r} is an episode of a series, and only films are looked up:"
        elif self.file_name:
            what = f"{self.file_name!r} does not tell"
        message = f"{what} what film it is. Set TMDB_TITLE or TMDB_ID."
        raise NotAskedError(message)


@dataclass(frozen=True)
class Choice:
    """The number of the film at TMDB; `doubt` says what should be checked, if anything."""

    film: int
    doubt: str = ""


def find_film(database: FilmDatabase, wanted: Wanted) -> Choice:
    """The film that is meant. Raises NoDetailsErrors, UnknownFilmError if none fits."""
    if _TMDB_ID.fullmatch(wanted.id):
        return Choice(int(wanted.id))
    if wanted.id:
        return Choice(database.find_by_imdb(wanted.id))
    seen: List[Found] = []
    names = wanted.names()
    for name in names:
        for year in (name.year, None) if name.year is not None else (None,):
            results = database.search(name.title, year)
            choice = choose(results, name, is_sure=bool(wanted.title))
            if choice is not None:
                return choice
            seen += results
    message = f"TMDB finds no film {_named(names)}.{_suggestion(seen)}"
    raise UnknownFilmError(message)


def choose(results: Sequence[Found], name: FilmName, *, is_sure: bool) -> Optional[Choice]:
    """The result that fits title and year; None if none does.

    Under a title that somebody set, another title is believed to be a translation if the year
    fits; a title guessed from a file's name has to be the film's own.
    """
    in_time = [film for film in results if _fits(film.year, name.year)]
    same = [film for film in in_time if _is_called(film, name.title)]
    if same:
        same.sort(key=lambda film: _apart(film.year, name.year))  # stable: TMDB's order else
        is_open = name.year is None and len(same) > 1
        listed = "; ".join(str(film) for film in same[:_SHOWN])
        doubt = f"{len(same)} films are called so, the first was taken: {listed}."
        return Choice(same[0].id, f"{doubt} Set TMDB_YEAR or TMDB_ID." if is_open else "")
    if is_sure and in_time and (name.year is not None or len(results) == 1):
        doubt = f"No film is called {name.title!r}; taken was {in_time[0]}. Set TMDB_ID if wrong."
        return Choice(in_time[0].id, doubt)
    return None


def _fits(found: Optional[int], wanted: Optional[int]) -> bool:
    return wanted is None or (found is not None and abs(found - wanted) <= _YEARS_APART)


def _apart(found: Optional[int], wanted: Optional[int]) -> int:
    return 0 if found is None or wanted is None else abs(found - wanted)


def _is_called(film: Found, title: str) -> bool:
    return bare_title(title) in (bare_title(film.title), bare_title(film.original_title))


def _named(names: Sequence[FilmName]) -> str:
    texts = (f"{name.title!r}" + (f" of {name.year}" if name.year else "") for name in names)
    return " or ".join(texts)


def _suggestion(seen: Sequence[Found]) -> str:
    known = list(dict.fromkeys(str(film) for film in seen))[:_SHOWN]
    if not known:
        return " Set TMDB_TITLE, TMDB_YEAR or TMDB_ID."
    return f" It knows {'; '.join(known)}: set TMDB_ID if it is one of them."
