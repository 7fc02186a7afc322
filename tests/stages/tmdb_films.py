"""The films that our TMDB knows, as its interface describes them in version 3."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

# Films for whose sake the server misbehaves.
BUSY_ONCE, BUSY_FOR_LONG, BUSY_BY_DATE, TROUBLE_ONCE = 429, 430, 431, 501
SLOW, HUGE, HTML, CUT_OFF, PACKED, NOT_HTTP, DEEP = range(500, 1200, 100)


def film(number: int, title: str, date: str, **more: Any) -> dict[str, Any]:
    plain = {"id": number, "title": title, "original_title": title, "release_date": date}
    return {**plain, "original_language": "en", "popularity": 1.0, "overview": "", **more}


def person(name: str, character: str, order: int) -> dict[str, Any]:
    return {"name": name, "character": character, "order": order, "adult": False, "id": order}


FILMS: Final = {
    entry["id"]: entry
    for entry in (
        film(
            101,
            "The River",
            "2026-11-01",
            popularity=9.5,
            cast=[person("Ana Duarte", "Maren Holt", 1), person("Tom Reyes", "Dr. Pell", 0)],
            keywords=["river", "flood"],
            translations={"es": "El río", "ca": "El riu", "de": ""},
            imdb_id="tt0000101",
        ),
        film(102, "The River", "1951-09-10", popularity=7.1),
        film(103, "Le Fleuve sans nom", "2019-02-03", alternatives=["The Nameless River"]),
        film(104, "Amélie's Bridge & Tunnel", "2001-04-25"),
        film(105, "Wonder Village 1984", "2020-12-16"),
        *(film(n, "Busy", "2020-01-01") for n in (BUSY_ONCE, BUSY_FOR_LONG, BUSY_BY_DATE)),
        film(TROUBLE_ONCE, "Troubled", "2020-01-01"),
    )
}


def bare(text: str) -> list[str]:
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(
        c if c.isalnum() else " " * (not unicodedata.combining(c)) for c in parts
    ).split()


def search(query: str, year: str) -> dict[str, Any]:
    """Films with every word of the query in one of their titles, the best known first."""
    words = bare(query)
    found = []
    for entry in FILMS.values():
        titles = [entry["title"], *entry.get("alternatives", ())]
        if any(set(words) <= set(bare(title)) for title in titles) and words:
            found.append(entry)
    found = [entry for entry in found if not year or entry["release_date"].startswith(year)]
    found.sort(key=lambda entry: -entry["popularity"])
    inner = ("cast", "keywords", "translations", "alternatives", "imdb_id")
    results = [{key: value for key, value in e.items() if key not in inner} for e in found]
    return {"page": 1, "results": results[:20], "total_pages": 1, "total_results": len(results)}


def details(entry: dict[str, Any], appended: list[str]) -> dict[str, Any]:
    inner = ("cast", "keywords", "translations", "alternatives", "popularity")
    answer = {key: value for key, value in entry.items() if key not in inner}
    if "credits" in appended:
        answer["credits"] = {"cast": entry.get("cast", []), "crew": []}
    if "keywords" in appended:
        named = [{"id": n, "name": name} for n, name in enumerate(entry.get("keywords", ()))]
        answer["keywords"] = {"keywords": named}
    if "translations" in appended:
        titles = entry.get("translations", {})
        answer["translations"] = {
            "translations": [
                {"iso_639_1": tag, "iso_3166_1": tag.upper(), "data": {"title": title}}
                for tag, title in titles.items()
            ]
        }
    return answer
