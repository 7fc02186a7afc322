"""Details of a film from TMDB's answer or from a file, in one shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from film_details import DetailsError, details_document, parse_details, read_details


def test_details_have_one_shape_from_tmdb_and_from_a_file() -> None:
    given = {
        "id": 7,
        "title": " The\nRiver ",
        "original_language": "en",
        "release_date": "2026-11-01",
        "genres": [{"id": 1, "name": "Drama"}],
        "credits": {"cast": [{"name": "B", "order": 2}, {"name": "A", "order": 0}, {}, "x"]},
        "keywords": {"keywords": [{"name": "flood"}, {"name": "flood"}, {"name": None}]},
        "translations": {
            "translations": [
                {"iso_639_1": "es", "data": {"title": "El río"}},
                {"iso_639_1": "es", "data": {"title": "El Río (México)"}},
                {"iso_639_1": "de", "data": {"title": ""}},
            ]
        },
    }
    details = parse_details(given)
    assert (details.title, details.year, details.genres) == ("The River", 2026, ("Drama",))
    assert [role.name for role in details.cast] == ["A", "B"]
    assert details.keywords == ("flood",)
    assert details.titles == {"en": "The River", "es": "El río"}
    assert parse_details(json.loads(json.dumps(details_document(details, "tmdb")))) == details


@pytest.mark.parametrize(
    "more",
    [
        {"release_date": 5, "year": "x", "id": "7", "imdb_id": None, "overview": ["x"]},
        {"credits": [], "keywords": 5, "translations": {"translations": [None, {"data": 1}]}},
        {"genres": {"a": 1}, "titles": ["x"], "year": True, "original_title": {}},
    ],
)
def test_odd_parts_of_an_answer_are_left_out(more: dict[str, Any]) -> None:
    details = parse_details({"title": "River", **more})
    assert (details.title, details.year, details.cast, details.keywords) == ("River", None, (), ())


def test_texts_of_an_answer_are_bounded_and_valid() -> None:
    cast = [{"name": f"n{n}"} for n in range(1000)]
    details = parse_details({"title": "a" * 100_000, "overview": "\ud800x\0", "cast": cast})
    assert (len(details.title), len(details.cast)) == (300, 50)
    assert details.overview == "\ufffdx"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "mine.json is no JSON in UTF-8"),
        (b"RIFF\xff\xff", "mine.json is no JSON in UTF-8"),
        (b"[" * 100_000, "mine.json is no JSON in UTF-8"),
        ("{}".encode("utf-16"), "mine.json is written in UTF-16. Save it as UTF-8"),
        (b'{"movie_found": false}', 'mine.json describes no film: it says "movie_found": false.'),
        (b'["The River"]', "it is a JSON list, not an object with a title"),
    ],
)
def test_a_file_that_describes_no_film_is_refused(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(data)
    with pytest.raises(DetailsError) as caught:
        read_details(path)
    assert told in str(caught.value)


def test_a_file_with_a_mark_of_its_encoding_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('\ufeff{"name": "A Series"}')
    assert read_details(tmp_path / "mine.json").title == "A Series"
