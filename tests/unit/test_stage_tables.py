"""The tables of the page on stages are made of the specs, and are those of now."""

import re
from pathlib import Path

import pytest

from runner.project.pipeline import Project, load_project
from runner.stage_tables import PAGE, filled
from tests.project_kit import ROOT

SPEC = """\
summary: Listens
parents:
  embedded: {image: asr, when: {ENGINE: sphinx}}
  cpu: {image: whisper, when: {ENGINE: whisper}, resources: {memory: 4GiB}}
config:
  ENGINE: {type: choice, of: [sphinx, whisper], default: sphinx, help: Who listens}
  BEAM: {type: int, range: [1, 20], default: 5, help: How wide | how <deep>}
  NOTE: {type: str, default: "", help: Anything}
  FILE: {type: path, help: A list}
models: {whisper: {when: {ENGINE: whisper}, folder: "whisper/{ENGINE}", files: [a.bin, b.json]}}
resources: {memory: 512MiB, cpus: 2, timeout: 1h}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "stages" / "06_asr"
    folder.mkdir(parents=True)
    (folder / "stage.yaml").write_text(SPEC)
    return load_project(tmp_path)


def test_a_part_is_replaced_by_the_tables_of_its_stage_and_the_rest_stays(project: Project) -> None:
    text = "before\n<!-- keys 06_asr -->\nold\n<!-- /keys -->\nafter\n"
    found = filled(text, project)
    lines = found.splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "old" not in found
    assert "| `ENGINE` | `sphinx`, `whisper` | `sphinx` | Who listens |" in lines
    assert "| `BEAM` | whole number, 1 to 20 | `5` | How wide \\| how &lt;deep> |" in lines
    assert "| `NOTE` | text | empty | Anything |" in lines
    assert "| `FILE` | path inside the job | not set | A list |" in lines
    assert "| `cpu` | `whisper` | `ENGINE` is `whisper` |" in lines
    assert "| `whisper/{ENGINE}` | `a.bin`, `b.json` | `ENGINE` is `whisper` |" in lines
    assert "| `memory` | 512 MiB; 4 GiB in the variant `cpu` |" in lines
    assert filled(found, project) == found


def test_the_graph_is_drawn(project: Project) -> None:
    found = filled("<!-- graph -->\n<!-- /graph -->\n", project)
    assert found == "<!-- graph -->\n\n```\n●  06_asr\n```\n\n<!-- /graph -->\n"


def test_the_page_has_every_stage_with_its_tables_as_the_specs_are_now() -> None:
    project = load_project(ROOT)
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert re.findall(r"^<!-- keys (\S+) -->$", page, re.MULTILINE) == list(project.stage_ids)
    assert page == filled(page, project), "write it anew: python -m runner.schema_files"
