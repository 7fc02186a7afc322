"""Names and terms come back as they were written, and nothing else passes for them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.glossary import (
    GlossaryError,
    Term,
    read_names,
    read_terms,
    write_names,
    write_terms,
)

TERMS = (
    Term("Tony Stark", ("Iron Man", "Mr. Stark"), {"es": "Tony Stark"}, "tmdb"),
    Term("arc reactor", targets={"es": "reactor arc", "ca": "reactor d'arc"}),
)


def test_names_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "names.json"
    write_names(["Żółć", "“Q”", "Anna"], path)
    assert read_names(path) == ("Żółć", "“Q”", "Anna")


def test_terms_keep_aliases_targets_and_origin(tmp_path: Path) -> None:
    path = tmp_path / "terms.json"
    write_terms(TERMS, path)
    assert read_terms(path) == TERMS


def test_a_term_of_somebody_else_needs_only_its_source(tmp_path: Path) -> None:
    path = tmp_path / "terms.json"
    path.write_text('{"terms": [{"source": "arc"}]}')
    assert read_terms(path) == (Term("arc"),)


@pytest.mark.parametrize("read", [read_names, read_terms])
@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"names": 1, "terms": 1}', '{"names": [1], "terms": [1]}',
     '{"names": [null], "terms": [{"source": 1}]}', '{"names": {}, "terms": [{"targets": 1}]}'],
)  # fmt: skip
def test_anything_else_is_refused(
    tmp_path: Path, read: Callable[[Path], object], text: str
) -> None:
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(GlossaryError):
        read(path)
