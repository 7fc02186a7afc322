"""Several lists made one: whose word counts, what is a name, and what people are told."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from film_people import EnrichmentError, read_people, split_character
from gathering import MOST_ROWS, Glossary, Sources, gather
from glossary_merge import STAYS
from glossary_table import GlossaryFileError


def lists(folder: Path, **texts: str) -> Sources:
    """The sources with a file for each list that has a text."""
    paths: dict[str, list[Path]] = {"film": [], "master": [], "learned": []}
    for origin, text in texts.items():
        path = folder / f"{origin}.tsv"
        path.write_text(text, encoding="utf-8")
        paths[origin].append(path)
    return Sources(
        film=paths["film"],
        master=paths["master"],
        learned=paths["learned"],
        targets=("es",),
        least_confidence=0.55,
    )


def film(folder: Path, **details: Any) -> list[Path]:
    path = folder / "enrichment.json"
    path.write_text(json.dumps(details), encoding="utf-8")
    return [path]


def targets(glossary: Glossary) -> dict[str, dict[str, str]]:
    return {term.term().source: dict(term.term().targets) for term in glossary.terms}


def names(glossary: Glossary) -> list[str]:
    return [name.text for name in glossary.names]


def test_the_films_word_counts_before_the_masters_and_the_learned(tmp_path: Path) -> None:
    found = gather(
        lists(
            tmp_path,
            learned="source\tes\tca\nRaven\tcuervo\tcorb\nowl\tbúho\t\n",
            master="source\tes\nraven\tcorneja\nowl\tlechuza\n",
            film="source\tes\nraven\tel Cuervo\n",
        )
    )
    assert targets(found) == {"raven": {"es": "el Cuervo", "ca": "corb"}, "owl": {"es": "lechuza"}}
    assert [term.entry.place.origin for term in found.terms] == ["film", "master"]
    assert [(c.source, c.kept, c.dropped, str(c.dropped_from)) for c in found.conflicts] == [
        ("raven", "el Cuervo", "corneja", "master.tsv, line 2"),
        ("raven", "el Cuervo", "cuervo", "learned.tsv, line 2"),
        ("owl", "lechuza", "búho", "learned.tsv, line 3"),
    ]


def test_disagreements_are_told_and_counted(tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(300)]
    mine = "source\tes\n" + "".join(f"{word}\tuno\n" for word in words)
    found = gather(lists(tmp_path, film=mine, master=mine.replace("uno", "dos")))
    assert found.report()["counts"]["conflicts"] == 300
    assert len(found.report()["conflicts"]) == 200
    first, *_, last = found.warnings()
    assert "'word0' in es: 'uno' (film.tsv, line 2) was taken, not 'dos' (master" in first
    assert last == "There are 295 more disagreements; report.json lists them."
    assert len(found.warnings()) == 6


def test_only_learned_terms_have_to_be_sure(tmp_path: Path) -> None:
    text = "source\tconfidence\n{}\t0.3\n"
    lists_by_origin = {origin: text.format(origin) for origin in ("film", "master", "learned")}
    found = gather(lists(tmp_path, **lists_by_origin))
    assert [term.entry.source for term in found.terms] == ["film", "master"]
    assert found.report()["left_out"] == [
        {"file": "learned.tsv", "line": 2, "reason": "confidence below 0.55"}
    ]
    assert found.warnings()[1:] == []  # the one is that the learned list holds no term


def test_saying_the_same_is_no_disagreement(tmp_path: Path) -> None:
    text = "source\tes\taliases\nRaven\tcuervo\tcrow\n"
    found = gather(lists(tmp_path, film=text + text.splitlines()[1], learned=text.upper()))
    assert [conflict.dropped for conflict in found.conflicts] == ["CUERVO"]
    assert found.terms[0].term().aliases == ("crow",)


def test_a_term_that_stays_is_not_translated_by_a_lesser_list(tmp_path: Path) -> None:
    found = gather(
        lists(tmp_path, film="source\tkeep\nloch\tyes\n", master="source\tes\nloch\tlago\n")
    )
    assert targets(found) == {"loch": {}}
    assert [(c.kept, c.dropped) for c in found.conflicts] == [(STAYS, "lago")]
    other = gather(
        lists(tmp_path, film="source\tes\nloch\tlago\n", master="source\tkeep\nloch\tyes\n")
    )
    assert targets(other) == {"loch": {"es": "lago"}}
    assert [(c.kept, c.dropped) for c in other.conflicts] == [("lago", STAYS)]


def test_an_alias_belongs_to_one_term_only(tmp_path: Path) -> None:
    found = gather(
        lists(
            tmp_path,
            film="source\tes\taliases\ndog\tperro\thound|wolf\nwolf\tlobo\tdog\n",
            master="source\tes\thound\n".replace("\thound", "") + "hound\tsabueso\n",
        )
    )
    assert {t.term().source: t.term().aliases for t in found.terms} == {
        "dog": ("hound",),
        "wolf": (),
    }
    told = [str(conflict) for conflict in found.conflicts]
    assert told[0].startswith("alias 'wolf': 'wolf' (film.tsv, line 3) was taken, not 'dog'")
    assert told[1].startswith("alias 'dog': 'dog' (film.tsv, line 2) was taken, not 'wolf'")
    assert "'dog' in es: 'perro'" in told[2]


@pytest.mark.parametrize(
    ("text", "full", "parts"),
    [
        ("Maren Holt", ["Maren Holt"], ["Maren", "Holt"]),
        ('Dr. Ana "Doc" Duarte (voice)', ["Ana Duarte"], ["Doc", "Ana", "Duarte"]),
        ("Rick 'Ace' O'Connell", ["Rick O'Connell"], ["Ace", "Rick", "O'Connell"]),
        ("Tom Reyes / The Raven", ["Tom Reyes", "The Raven"], ["Tom", "Reyes"]),
        ("Ludwig van der Berg III", ["Ludwig van der Berg III"], ["Ludwig", "Berg"]),
        ("Captain Miles", ["Miles"], []),
        ("सीता राम", ["सीता राम"], ["सीता", "राम"]),
        ("七郎", ["七郎"], []),
        ("Police Officer", [], []),
        ("Himself - Host", [], []),
        ("The King", [], []),
        ("Man in bar #2", [], []),
        ("First voice", [], []),
        ("(uncredited)", [], []),
        ("", [], []),
    ],
)
def test_roles_become_the_names_that_people_are_called(
    text: str, full: list[str], parts: list[str]
) -> None:
    assert split_character(text) == (full, parts)


def test_names_come_in_the_order_in_which_they_matter(tmp_path: Path) -> None:
    sources = lists(
        tmp_path,
        film="source\tname\tes\nOrla\tyes\t\nmill\t\tmolino\nThe Mill\t\t\nBridge\tno\t\n",
        master="source\tkeep\nloch\tyes\nriver\t\n",
    )
    enrichment = film(
        tmp_path,
        title="The River",
        cast=[
            {"name": "Ana Duarte", "character": "Maren Holt"},
            {"name": "T R", "character": "Boy"},
        ],
    )
    found = gather(Sources(film=sources.film, master=sources.master, enrichment=enrichment))
    assert names(found) == [
        *("Orla", "The Mill", "Maren Holt", "The River", "loch", "Maren", "Holt"),
        *("Ana Duarte", "T R"),
    ]
    assert [name.origin for name in found.names][:3] == ["film", "film", "tmdb"]


def test_a_films_people_keep_their_names_unless_these_are_words(tmp_path: Path) -> None:
    cast = [{"character": text} for text in ("Maren Brown", "Rose", "The Raven", "Will Holt")]
    found = gather(Sources(enrichment=film(tmp_path, title="River", cast=cast)))
    assert [term.term().source for term in found.terms] == [
        "Maren Brown",
        "Will Holt",
        "Maren",
        "Holt",
    ]
    assert {term.term().origin for term in found.terms} == {"tmdb"}
    assert {"Rose", "The Raven", "Will", "Brown"} <= set(names(found))


def test_a_glossary_translates_a_name_of_the_film_without_a_quarrel(tmp_path: Path) -> None:
    enrichment = film(tmp_path, title="River", cast=[{"character": "Maren Holt"}])
    sources = lists(tmp_path, master="source\tes\nMaren Holt\tMarina Holt\n")
    found = gather(Sources(enrichment=enrichment, master=sources.master))
    assert targets(found)["Maren Holt"] == {"es": "Marina Holt"}
    assert found.conflicts == []


def test_a_long_title_is_a_term_and_tmdb_counts_before_the_master(tmp_path: Path) -> None:
    enrichment = film(
        tmp_path,
        title="The River Without a Name",
        original_title="El río sin nombre",
        original_language="es",
        titles={"es": "El río sin nombre", "en": "The River Without a Name", "ca": "El riu"},
    )
    master = lists(tmp_path, master="source\tes\nthe river without a name\tRío X\n").master
    found = gather(Sources(enrichment=enrichment, master=master, language="en"))
    name = "The River Without a Name"
    assert targets(found) == {name: {"es": "El río sin nombre", "ca": "El riu"}}
    assert [conflict.dropped for conflict in found.conflicts] == ["Río X"]
    assert read_people(enrichment[0], "spa").title == "El río sin nombre"


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000])
def test_details_that_are_none_are_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(EnrichmentError, match=r"mine\.json"):
        read_people(tmp_path / "mine.json", "en")


@pytest.mark.parametrize("cast", [None, {}, [1, None], [{"character": 5}], ["Ana Duarte"]])
def test_odd_details_give_what_they_have(tmp_path: Path, cast: object) -> None:
    (path,) = film(tmp_path, title=7, cast=cast, titles=[1])
    assert set(read_people(path, "en").actors) <= {"Ana Duarte"}


def test_ten_thousand_terms_are_quick(tmp_path: Path) -> None:
    rows = "".join(f"Term {n}\tpalabra {n}\talias {n}|other {n}\n" for n in range(10_000))
    sources = lists(tmp_path, film="source\tes\taliases\n" + rows)
    begin = time.process_time()
    found = gather(sources)
    assert len(found.terms) == 10_000
    assert time.process_time() - begin < 3


def test_more_rows_than_memory_holds_are_refused_where_they_begin(tmp_path: Path) -> None:
    sources = lists(tmp_path, film="source\n" + "a\n" * (MOST_ROWS - 1), master="source\nb\nc\n")
    with pytest.raises(GlossaryFileError, match=r"master\.tsv, line 3: .* more than 50000"):
        gather(sources)
