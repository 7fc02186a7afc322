"""What stage 02 makes of names, answers and settings, before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from film_database import PATIENCE_SECONDS, Answer, Clock, FilmDatabase, Found, retry_after
from film_name import FilmName, bare_title, guess_names
from film_search import Wanted, choose, find_film
from lookup_errors import (
    NoDetailsError,
    NotAskedError,
    ServerTroubleError,
    TokenRefusedError,
    TooManyRequestsError,
    TooSlowError,
    UnknownFilmError,
    UnreachableError,
    UnreadableAnswerError,
    WrongSettingError,
)

RIVER = Found(1, "The River", "The River", 2026)
OLD_RIVER = Found(2, "The River", "The River", 1951)
FLEUVE = Found(3, "Le Fleuve", "Le Fleuve", 2019)


class Time:
    """A clock that only moves when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.wait)


class Script:
    """Answers in a row; the last one stays."""

    def __init__(self, *answers: Answer | NoDetailsError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Mapping[str, str], float]] = []

    def __call__(self, path: str, wanted: Mapping[str, str], seconds: float) -> Answer:
        self.asked.append((path, wanted, seconds))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, NoDetailsError):
            raise answer
        return answer


def database(script: Script, time: Time | None = None, attempts: int = 3) -> FilmDatabase:
    clock = (time or Time()).clock
    return FilmDatabase(script, language="en-US", timeout=10, attempts=attempts, clock=clock)


def answer(document: object, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, json.dumps(document).encode(), named)


GOOD = answer({"id": 7, "title": "The River", "release_date": "2026-11-01"})


@pytest.mark.parametrize(
    ("name", "guesses"),
    [
        ("The.River.2026.1080p.BluRay.x264-GROUP", [("The River", 2026), ("The River 2026", None)]),
        ("[Ours] Amélie (2001) [BD 1080p]", [("Amélie", 2001), ("Amélie 2001", None)]),
        ("2001 A Space Odyssey (1968)", [("2001 A Space Odyssey", 1968)]),
        ("Blade.Runner.2049.2017.2160p.UHD", [("Blade Runner 2049", 2017)]),
        ("Wonder Woman 1984.1080p", [("Wonder Woman", 1984), ("Wonder Woman 1984", None)]),
        ("1917.2019.WEB-DL", [("1917", 2019)]),
        ("2012", [("2012", None)]),
        ("Love.Extended.1080p", [("Love", None)]),
        ("The Final Cut", [("The Final Cut", None)]),
        ("Matrix, The (1999)", [("The Matrix", 1999)]),
        ("七人の侍 1954", [("七人の侍", 1954)]),
        ("Casablanca", [("Casablanca", None)]),
    ],
)
def test_file_names_tell_title_and_year(name: str, guesses: list[tuple[str, int | None]]) -> None:
    found = guess_names(name)
    assert list(found)[: len(guesses)] == [FilmName(*guess) for guess in guesses]


@pytest.mark.parametrize(
    "name", ["", "...", "film", "clip", "IMG_20240101_123456", "title00", "Some.Show.S01E02.720p"]
)
def test_file_names_that_tell_nothing_are_not_searched_for(name: str) -> None:
    assert guess_names(name) == ()
    with pytest.raises(NotAskedError, match="Set TMDB_TITLE or TMDB_ID"):
        Wanted(file_name=name).names()


def test_titles_are_compared_without_what_people_write_differently() -> None:
    assert bare_title("Mission: Impossible – Fallout") == bare_title("mission impossible fallout")  # noqa: RUF001 (titles have such dashes)
    assert bare_title("Amélie & Co, The") == bare_title("The Amelie and Co")
    assert bare_title("Schindler\u2019s List") == bare_title("Schindlers list")


def test_a_set_title_and_year_win_over_the_files_name() -> None:
    wanted = Wanted(title="River", year=1951, file_name="Casablanca 1942")
    assert wanted.names() == (FilmName("River", 1951),)
    assert Wanted(year=1951, file_name="The River").names() == (FilmName("The River", 1951),)


def test_the_year_may_be_one_off_and_the_nearest_is_taken() -> None:
    near = Found(4, "The River", "The River", 2027)
    choice = choose([near, OLD_RIVER, RIVER], FilmName("the river", 2026), is_sure=False)
    assert choice is not None
    assert (choice.film, choice.doubt) == (1, "")
    for year, film in ((1950, 2), (1952, 2), (1949, None), (1953, None)):
        found = choose([RIVER, OLD_RIVER], FilmName("The River", year), is_sure=True)
        assert (found.film if found else None) == film


def test_several_films_of_one_name_are_told() -> None:
    choice = choose([RIVER, OLD_RIVER], FilmName("The River"), is_sure=False)
    assert choice is not None
    assert choice.film == 1
    assert "2 films are called so" in choice.doubt
    assert "The River (1951, TMDB_ID 2)" in choice.doubt


def test_another_title_is_believed_only_where_somebody_set_one() -> None:
    assert choose([FLEUVE], FilmName("The Stream", 2019), is_sure=False) is None
    choice = choose([FLEUVE], FilmName("The Stream", 2019), is_sure=True)
    assert choice is not None
    assert "No film is called 'The Stream'; taken was Le Fleuve (2019, TMDB_ID 3)" in choice.doubt
    assert choose([FLEUVE, RIVER], FilmName("The Stream"), is_sure=True) is None


def test_a_search_asks_for_the_year_first_and_then_for_all() -> None:
    script = Script(answer({"results": []}))
    with pytest.raises(UnknownFilmError, match=r"no film 'The River' of 2026\. Set TMDB_TITLE"):
        find_film(database(script), Wanted(title="The River", year=2026))
    assert [wanted.get("year") for _, wanted, _ in script.asked] == ["2026", None]
    assert {wanted["include_adult"] for _, wanted, _ in script.asked} == {"false"}


@pytest.mark.parametrize("film_id", ["the river", "-5", "tt1", "7; drop", "\u0661\u0662"])
def test_an_id_of_neither_kind_is_refused(film_id: str) -> None:
    with pytest.raises(WrongSettingError, match="TMDB_ID is"):
        Wanted(id=film_id).check()


@pytest.mark.parametrize(
    ("answers", "waits"),
    [
        ([answer({}, 429, retry_after="7"), GOOD], [7]),
        ([answer({}, 429), answer({}, 429, retry_after="2"), GOOD], [1, 2]),
        ([answer({}, 503), GOOD], [1]),
        ([UnreachableError("no route"), GOOD], [1]),
    ],
)
def test_what_may_pass_is_tried_again(
    answers: list[Answer | NoDetailsError], waits: list[float]
) -> None:
    time = Time()
    assert database(Script(*answers), time).details(7).title == "The River"
    assert time.waits == waits


@pytest.mark.parametrize(
    ("bad", "error", "times"),
    [
        (answer({}, 429, retry_after="3"), TooManyRequestsError, 3),
        (answer({}, 429, retry_after="31"), TooManyRequestsError, 1),
        (answer({}, 500), ServerTroubleError, 3),
        (UnreachableError("no route"), UnreachableError, 3),
        (TooSlowError("slow"), TooSlowError, 1),
        (answer({}, 401), TokenRefusedError, 1),
        (answer({}, 403), TokenRefusedError, 1),
        (answer({}, 404), UnknownFilmError, 1),
        (answer({}, 302), UnreadableAnswerError, 1),
        (answer([1]), UnreadableAnswerError, 1),
        (answer({"title": None}), UnreadableAnswerError, 1),
        (Answer(200, b'{"title": "\xff"}'), UnreadableAnswerError, 1),
        (Answer(200, b"[" * 100_000), UnreadableAnswerError, 1),
        (Answer(200), UnreadableAnswerError, 1),
    ],
)
def test_each_trouble_has_its_own_name_and_an_end(
    bad: Answer | NoDetailsError, error: type[NoDetailsError], times: int
) -> None:
    script = Script(bad)
    with pytest.raises(error):
        database(script).details(7)
    assert len(script.asked) == times


def test_all_waiting_together_stays_within_the_stages_time() -> None:
    time, script = Time(), Script(answer({}, 429, retry_after="30"))
    with pytest.raises(TooManyRequestsError):
        database(script, time, attempts=10).details(7)
    assert time.seconds < PATIENCE_SECONDS
    script = Script(GOOD)
    late = database(script, time)
    late.details(7)
    time.seconds += PATIENCE_SECONDS - 4
    late.details(7)
    assert [seconds for _, _, seconds in script.asked] == [10, pytest.approx(4)]
    time.seconds += 5
    with pytest.raises(TooSlowError, match="120 s in all"):
        late.details(7)


def test_retry_after_is_seconds_or_a_date() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert retry_after("12") == 12
    assert retry_after(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == 90
    assert retry_after("Thu, 01 Jan 1970 00:00:00 GMT", now) == 0
    assert [retry_after(text, now) for text in ("", "soon", "-5", "²")] == [1, 1, 1, 1]
    assert retry_after("9" * 500) > 10**6
