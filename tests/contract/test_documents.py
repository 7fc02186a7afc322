"""The templates of the two documents, taken from the documents themselves."""

import re
from pathlib import Path

import pytest

from tests.contract.workplace import ROOT, Workplace

DOCUMENTS = ROOT.parent / "shared" / "contract"


def template(document: str) -> str:
    """The first program in a document."""
    path = DOCUMENTS / document
    if not path.is_file():
        pytest.skip(f"{document} is not beside this repository")
    blocks = re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    return next(str(block) for block in blocks if block.startswith("#!"))


def with_input(workplace: Workplace) -> Path:
    source = workplace.job / "previous_stage" / "input.ext"
    source.parent.mkdir(parents=True)
    source.write_text("data")
    return source


def test_the_card_as_printed_succeeds_alone(workplace: Workplace, python: str) -> None:
    ended = workplace.run(template("stage-manifest-card.md"), python=python)
    assert ended.code == 0, ended.err
    manifest = ended.manifest("your_stage")
    assert manifest["status"] == "success"
    assert [entry["exists"] for entry in manifest["outputs"]] == [False]
    assert "Stage complete" in ended.stage_log("your_stage")
    assert "Stage complete" in ended.pipeline_log()


def test_the_card_with_a_body_that_writes_lists_the_file(workplace: Workplace) -> None:
    text = template("stage-manifest-card.md")
    line = 'output_file = io.get_output_path("output.json")\n'
    assert line in text
    ended = workplace.run(text.replace(line, line + "        output_file.write_text('{}')\n"))
    assert ended.code == 0, ended.err
    assert ended.manifest("your_stage")["outputs"][0]["size_bytes"] == 2


def test_the_guide_with_its_function_succeeds(workplace: Workplace, python: str) -> None:
    with_input(workplace)
    text = template("stage-pattern-guide.md")
    function = (
        "def process_data(source, target):\n    target.write_text(source.read_text())\n\n\n"
        "def run_stage("
    )
    ended = workplace.run(text.replace("def run_stage(", function, 1), python=python)
    assert ended.code == 0, ended.err
    manifest = ended.manifest("XX_stage_name")
    assert (manifest["stage"], manifest["stage_number"]) == ("XX_stage_name", None)
    assert manifest["outputs"][0]["format"] == "ext"
    assert manifest["config"] == {"param_name": "default"}


def test_the_guide_as_printed_fails_in_an_orderly_way(workplace: Workplace) -> None:
    with_input(workplace)
    ended = workplace.run(template("stage-pattern-guide.md"))
    assert ended.code == 1
    manifest = ended.manifest("XX_stage_name")
    assert manifest["status"] == "failed"
    assert [error["exception_type"] for error in manifest["errors"]] == ["NameError"]


def test_the_guide_without_its_input_fails_in_an_orderly_way(workplace: Workplace) -> None:
    ended = workplace.run(template("stage-pattern-guide.md"))
    assert ended.code == 1
    (error,) = ended.manifest("XX_stage_name")["errors"]
    assert error["exception_type"] == "FileNotFoundError"
