"""Stage 03 in its parent image: what the next stages find."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.glossary import Term, read_names, read_terms
from tests.stages.containers import Ended, Stages

pytestmark = [pytest.mark.images, pytest.mark.engine]

ENGLISH = "term,english,alternatives,context,confidence,source,frequency,notes\n"


def load(stages: Stages, job: Path, details: object = None, **lists: str) -> Ended:
    """Runs the stage with these lists, by the name of the job's input, and a film's details."""
    (job / "input").mkdir()
    (job / "input" / "film.mkv").touch()  # as in every job
    for name, text in lists.items():
        (job / "input" / f"{name}.tsv").write_text(text, encoding="utf-8")
    named = ", ".join(f"{name}: {name}.tsv" for name in lists)
    (job / "job.yaml").write_text(f"input: {{media: film.mkv, {named}}}\n")
    (job / "input" / "other.txt").touch()
    if details is not None:
        (job / "02_tmdb").mkdir()
        (job / "02_tmdb" / "enrichment.json").write_text(json.dumps(details))
    return stages.run("03_glossary_load", job, TARGET_LANGUAGES="es en")


def report(ended: Ended) -> dict[str, Any]:
    assert ended.exit_code == 0, ended.output
    found: dict[str, Any] = json.loads((ended.folder / "report.json").read_text())
    return found


def test_all_lists_become_names_terms_and_a_report(stages: Stages, tmp_path: Path) -> None:
    ended = load(
        stages,
        tmp_path,
        {"title": "The River", "cast": [{"name": "Ana Duarte", "character": "Maren Holt"}]},
        glossary="source\tes\tname\nOrla\t\tyes\nmill\tmolino\t\n",
        glossary_master="source\tes\nmill\tfábrica\n",
        glossary_learned=ENGLISH + "yaar,buddy,yar|yaara,,0.9,,,\nhmm,well,,,0.2,,,\n",
    )
    assert report(ended)["counts"] == {"names": 6, "terms": 6, "conflicts": 1, "left_out": 1}
    assert read_names(ended.folder / "names.json")[:3] == ("Orla", "Maren Holt", "The River")
    terms = {term.source: term for term in read_terms(ended.folder / "terms.json")}
    assert terms["mill"] == Term("mill", (), {"es": "molino"}, "film")
    assert terms["yaar"] == Term("yaar", ("yar", "yaara"), {"en": "buddy"}, "learned")
    assert terms["Maren Holt"].origin == "tmdb"
    assert "'mill' in es: 'molino' (glossary.tsv, line 3) was taken" in ended.warnings
    assert ended.manifest["status"] == "success"


def test_the_same_lists_give_the_same_bytes(stages: Stages, tmp_path: Path) -> None:
    glossary = "source\tes\taliases\n" + "".join(f"Term {n}\t{n}\ta {n}\n" for n in range(10_000))
    ended = load(stages, tmp_path, glossary=glossary)
    assert report(ended)["counts"]["terms"] == 10_000
    first = {path.name: path.read_bytes() for path in ended.folder.glob("[nrt]*.json")}
    again = stages.run("03_glossary_load", tmp_path, TARGET_LANGUAGES="es en")
    assert {path.name: path.read_bytes() for path in again.folder.glob("[nrt]*.json")} == first
    assert len(first) == 3


def test_without_any_list_the_stage_is_skipped(stages: Stages, tmp_path: Path) -> None:
    ended = load(stages, tmp_path)
    assert (ended.exit_code, ended.manifest["status"]) == (0, "skipped"), ended.output
    assert "neither a glossary" in ended.manifest["reason"]
    assert not list(ended.folder.glob("[nrt]*.json"))


def test_an_empty_list_gives_empty_results_and_a_warning(stages: Stages, tmp_path: Path) -> None:
    ended = load(stages, tmp_path, glossary="")
    assert report(ended)["counts"] == {"names": 0, "terms": 0, "conflicts": 0, "left_out": 0}
    assert ended.warnings == "glossary.tsv holds no term."
    assert read_names(ended.folder / "names.json") == ()


def test_what_is_no_glossary_fails_with_file_and_line(stages: Stages, tmp_path: Path) -> None:
    ended = load(stages, tmp_path, glossary_master="source\tes\na\tb\tc\n")
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert ended.manifest["errors"][0]["exception_type"] == "GlossaryFileError"
    assert "glossary_master.tsv, line 2: the row has 3 cells" in ended.errors
