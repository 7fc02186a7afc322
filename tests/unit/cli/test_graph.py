"""The drawing of the graph shows who reads from whom."""

from pathlib import Path

import pytest

from runner.cli.graph import LETTERS, LINES, drawing, mermaid
from runner.project.pipeline import Project, load_project
from tests.project_kit import ROOT

STAGES = {
    "1_a": "inputs: {film: input/film}\noutputs: {x: {file: x, type: t}}",
    "2_b": "inputs: {x: 1_a/x}\noutputs: {y: {file: y, type: t}}",
    "3_c": "inputs: {x: 1_a/x}\noutputs: {z: {file: z, type: t}}",
    "4_d": "inputs: {y: {from: 2_b/y, optional: true}, z: 3_c/z, film: input/film}",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name, text in STAGES.items():
        folder = tmp_path / "stages" / name
        folder.mkdir(parents=True)
        (folder / "stage.yaml").write_text(f"summary: Works\nparent: base\n{text}\n")
    return load_project(tmp_path)


def test_marks_stand_in_the_columns_of_what_a_stage_reads(project: Project) -> None:
    assert [f"{text}  {name}" for text, name in drawing(project)] == [
        "●        input/film",
        "◆─●      1_a",
        "│ ◆─●    2_b",
        "│ ◆─┼─●  3_c",
        "◆─●─◇─◆  4_d",
    ]


def test_the_same_can_be_drawn_with_letters(project: Project) -> None:
    drawn = drawing(project, strokes=LETTERS)
    assert drawn[3] == ("| #-+-O", "3_c")
    assert all(text.isascii() for text, _ in drawn)


def test_a_column_is_used_again_when_nobody_reads_from_it_any_more(project: Project) -> None:
    (last, _) = drawing(project)[-1]
    assert last.index(LINES.own) == 2


def test_a_project_without_stages_is_drawn_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    assert drawing(load_project(tmp_path)) == []


def test_as_mermaid_what_is_optional_is_dotted(project: Project) -> None:
    lines = mermaid(project)
    assert '  n_input_film["input/film"]' in lines
    assert "  n_input_film --> n_4_d" in lines
    assert "  n_2_b -.->|y| n_4_d" in lines


def test_every_edge_of_our_own_project_has_its_mark() -> None:
    project = load_project(ROOT)
    drawn = drawing(project)
    assert {name for _, name in drawn} >= set(project.stage_ids)
    owners: dict[int, str] = {}
    for text, name in drawn:
        marks = {i // 2: sign for i, sign in enumerate(text) if i % 2 == 0}
        reads = {owners[column] for column, sign in marks.items() if sign in "◆◇"}
        stage = project.stages.get(name)
        sources = {source for item in stage.inputs for source in item.sources} if stage else set()
        wanted = {str(it) if it.stage == "input" else it.stage for it in sources}
        assert reads == wanted
        owners[next(column for column, sign in marks.items() if sign == "●")] = name
