"""The pages for those who write stages show what is there, and all of it."""

from typing import Final

from runner.compliance.checking import check
from runner.compliance.targets import gather
from runner.project.pipeline import load_project
from tests.project_kit import ROOT
from tests.unit.docs_pages import blocks, page

OTHER_LANGUAGES: Final = "docs/other-languages.md"
EXAMPLE: Final = ROOT / "docs/examples/other-language"
STAGE: Final = EXAMPLE / "stages/50_lines"


def texts(name: str) -> list[str]:
    return [block.text for block in blocks(page(name))]


def test_the_page_on_other_languages_shows_the_files_of_its_example() -> None:
    for file in ("stage.yaml", "stage.sh", "fixture/expect.yaml"):
        assert (STAGE / file).read_text() in texts(OTHER_LANGUAGES), file


def test_the_example_in_another_language_uses_no_python_and_is_a_project() -> None:
    assert "python" not in (STAGE / "stage.sh").read_text()
    assert list(load_project(EXAMPLE).stages) == ["50_lines"]
    found = check(gather([EXAMPLE]))
    assert (found.findings, len(found.other_languages)) == ((), 1)
