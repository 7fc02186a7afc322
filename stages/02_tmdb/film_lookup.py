"""Looking a film up at TMDB: what the settings say, the token, and the way there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Callable

from film_database import FilmDatabase
from film_details import Details
from film_search import Wanted, find_film
from lookup_errors import TokenRefusedError
from site_network import read_site_network
from web_access import WebAccess

_PRINTABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class LookUp:
    """How to ask, and for what."""

    wanted: Wanted
    url: str
    language: str
    timeout: float
    attempts: int
    token: str = field(repr=False)
    tell: Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """The film, and what the user should check, if anything."""

    details: Details
    doubt: str = ""


def look_up(task: LookUp) -> Result:
    """All about the film, from TMDB. Raises NoDetailsErrors."""
    task_token = _checked(task.token)
    site = read_site_network(task.url)
    with WebAccess(task.url, task_token, site) as web:
        database = FilmDatabase(
            web.fetch,
            language=task.language,
            timeout=task.timeout,
            attempts=task.attempts,
            tell=task.tell,
        )
        choice = find_film(database, task.wanted)
        return Result(database.details(choice.film), choice.doubt)


def _checked(token: str) -> str:
    """The token, fit for a header; what is not would be quoted in an error message."""
    if _PRINTABLE.fullmatch(token):
        return token
    message = (
        "What the secret tmdb holds is no token: a token is one line of letters, digits and signs."
        ' Put TMDB\'s "API Read Access Token" into the file that stagerun.yaml names under'
        " secrets: tmdb."
    )
    raise TokenRefusedError(message)
