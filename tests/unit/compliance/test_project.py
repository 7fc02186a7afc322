"""The project's own stages and images keep the rules, and so do the documents' templates."""

from pathlib import Path

import pytest

from runner.compliance.checking import check
from runner.compliance.targets import gather
from tests.contract.test_documents import template
from tests.project_kit import ROOT
from tests.unit.compliance.examples import checked
from tests.unit.docs_pages import blocks, page


def test_nothing_is_found_in_the_projects_stages_and_images() -> None:
    found = check(gather([ROOT / "stages", ROOT / "images"]))
    assert found.files >= 100
    assert not found.findings, "\n".join(map(str, found.findings))


@pytest.mark.parametrize(
    ("document", "warnings"),
    [
        ("stage-manifest-card.md", ["ST503", "ST504", "ST104"]),
        ("stage-pattern-guide.md", []),
    ],
)
def test_the_documents_templates_have_these_warnings_and_no_error(
    document: str, warnings: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = checked(tmp_path_factory.mktemp("a"), template(document), spec="")
    assert [finding.rule for finding in found.findings] == warnings
    assert found.errors == 0


def test_the_guides_own_stage_keeps_the_rules(tmp_path: Path) -> None:
    (program,) = (
        item for item in blocks(page("docs/write-a-stage.md")) if item.language == "python"
    )
    found = checked(tmp_path, program.text, spec="").findings
    assert not found, "\n".join(map(str, found))
