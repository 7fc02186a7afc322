"""TMDB's questions and answers, version 3 of its interface, over any way to fetch a page."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Dict, List, Mapping, Optional

from film_details import Details, DetailsError, parse_details
from lookup_errors import (
    NoDetailsError,
    ServerTroubleError,
    TokenRefusedError,
    TooManyRequestsError,
    TooSlowError,
    UnknownFilmError,
    UnreachableError,
    UnreadableAnswerError,
)

# The whole look-up has to end well before the stage's time limit, which would fail the job.
PATIENCE_SECONDS = 120.0
LONGEST_WAIT_SECONDS = 30.0
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _TROUBLE = 200, 401, 403, 404, 429, 500
_ALL_IN_ONE = "credits,keywords,translations"
_MOST_RESULTS = 100


@dataclass(frozen=True)
class Answer:
    """What a server sent; the names of headers are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


# Path and parameters, and how many seconds there are; raises TooSlowError or UnreachableError.
Fetch = Callable[[str, Mapping[str, str], float], Answer]


@dataclass(frozen=True)
class Clock:
    """Seconds that pass, and how to let them pass."""

    now: Callable[[], float] = time.monotonic
    wait: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Found:
    """One film of a search's results, in TMDB's order."""

    id: int
    title: str
    original_title: str
    year: Optional[int]

    def __str__(self) -> str:
        return f"{self.title} ({self.year or 'no year'}, TMDB_ID {self.id})"


class FilmDatabase:
    """Asks TMDB, with patience and with an end. Every method raises NoDetailsErrors."""

    def __init__(
        self,
        fetch: Fetch,
        *,
        language: str,
        timeout: float,
        attempts: int,
        clock: Clock = Clock(),
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._fetch = fetch
        self._language = language
        self._timeout = timeout
        self._attempts = attempts
        self._clock = clock
        self._tell = tell
        self._end = clock.now() + PATIENCE_SECONDS

    def search(self, title: str, year: Optional[int] = None) -> List[Found]:
        """The films that TMDB finds by a title, of one year or of all."""
        wanted = {"query": title, "include_adult": "false", "language": self._language}
        if year is not None:
            wanted["year"] = str(year)
        answer = self._ask("search/movie", wanted)
        entries = answer.get("results")
        if not isinstance(entries, list):
            message = "TMDB's answer to a search has no list of results."
            raise UnreadableAnswerError(message)
        found = (_found(entry) for entry in entries[:_MOST_RESULTS])
        return [film for film in found if film is not None]

    def find_by_imdb(self, imdb_id: str) -> int:
        """TMDB's number of the film that has this number at IMDb."""
        answer = self._ask(f"find/{imdb_id}", {"external_source": "imdb_id"})
        films = answer.get("movie_results")
        found = _found(films[0]) if isinstance(films, list) and films else None
        if found is None:
            message = f"TMDB knows no film with the IMDb number {imdb_id}. Check TMDB_ID."
            raise UnknownFilmError(message)
        return found.id

    def details(self, film: int) -> Details:
        """All of one film, in one request."""
        wanted = {"language": self._language, "append_to_response": _ALL_IN_ONE}
        try:
            return parse_details(self._ask(f"movie/{film}", wanted))
        except DetailsError as error:
            message = f"TMDB's answer for the film {film} cannot be used: {error}."
            raise UnreadableAnswerError(message) from error

    def _ask(self, path: str, wanted: Mapping[str, str]) -> Dict[str, Any]:
        for attempt in range(1, self._attempts + 1):
            try:
                return self._ask_once(path, wanted)
            except _TryAgainError as again:
                is_last = attempt == self._attempts
                if is_last or self._clock.now() + again.seconds >= self._end:
                    raise again.reason from None
                self._tell(f"{again.reason} Next attempt in {again.seconds:g} s.")
                self._clock.wait(again.seconds)
        raise AssertionError  # the last attempt returns or raises

    def _ask_once(self, path: str, wanted: Mapping[str, str]) -> Dict[str, Any]:
        left = self._end - self._clock.now()
        if left <= 0:
            message = f"TMDB's answers took more than {PATIENCE_SECONDS:g} s in all."
            raise TooSlowError(message)
        try:
            answer = self._fetch(path, wanted, min(self._timeout, left))
        except UnreachableError as error:
            raise _TryAgainError(error, 1.0) from error
        if answer.status == _TOO_MANY:
            raise self._told_to_wait(answer)
        if answer.status >= _TROUBLE:
            message = f"TMDB is in trouble: it answers with HTTP {answer.status}."
            raise _TryAgainError(ServerTroubleError(message), 1.0)
        _check_status(answer, path)
        return _parsed(answer)

    def _told_to_wait(self, answer: Answer) -> Exception:
        seconds = retry_after(answer.headers.get("retry-after", ""))
        message = f"TMDB gets too many requests (HTTP 429) and asks to wait {seconds:g} s."
        if seconds > LONGEST_WAIT_SECONDS:
            return TooManyRequestsError(f"{message} That is too long for a job.")
        return _TryAgainError(TooManyRequestsError(message), seconds)


class _TryAgainError(Exception):
    """What would be raised if this were the last attempt, and how long to wait for the next."""

    def __init__(self, reason: NoDetailsError, seconds: float) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.seconds = seconds


def retry_after(text: str, now: Optional[datetime] = None) -> float:
    """Seconds to wait by a Retry-After header: a number or a date; 1 for anything else."""
    if text.strip().isascii() and text.strip().isdigit():
        return float(text.strip()[:9])
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return 1.0
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return round(max(0.0, (date - (now or datetime.now(timezone.utc))).total_seconds()), 1)


def _check_status(answer: Answer, path: str) -> None:
    if answer.status in (_UNAUTHORIZED, _FORBIDDEN):
        message = (
            f'TMDB refuses the token (HTTP {answer.status}). Needed is the long "API Read Access'
            ' Token" of your account there, not the short "API Key": put it into the file that'
            " stagerun.yaml names under secrets: tmdb."
        )
        raise TokenRefusedError(message)
    if answer.status == _NOT_FOUND:
        what = f"no film with the number {path.split('/')[1]}: check TMDB_ID"
        if not path.startswith("movie/"):
            what = f"nothing at {path} (HTTP 404): check TMDB_URL"
        message = f"TMDB has {what}."
        raise UnknownFilmError(message)
    if answer.status != _OK:
        message = f"TMDB, or something on the way to it, answers with HTTP {answer.status}."
        raise UnreadableAnswerError(message)


def _parsed(answer: Answer) -> Dict[str, Any]:
    try:
        found = json.loads(answer.body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        kind = answer.headers.get("content-type", "no type")[:60]
        message = f"TMDB's answer is no JSON ({kind}, {len(answer.body)} bytes)."
        raise UnreadableAnswerError(message) from error
    if not isinstance(found, dict):
        message = f"TMDB's answer is a JSON {type(found).__name__}, not an object."
        raise UnreadableAnswerError(message)
    return found


def _found(entry: object) -> Optional[Found]:
    """A result that has a number and a title; others are no use."""
    try:
        details = parse_details(entry)
    except DetailsError:
        return None
    if details.id is None:
        return None
    return Found(details.id, details.title, details.original_title, details.year)
