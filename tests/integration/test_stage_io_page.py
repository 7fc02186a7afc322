"""The examples of the page on the stage library, each run as a stage of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.project_kit import ROOT
from tests.unit.docs_pages import blocks, page

PAGE: Final = blocks(page("docs/stage-io.md"))
EXAMPLES: Final = [block.text for block in PAGE if block.kind == "example"]
(SPEC,) = (block.text for block in PAGE if block.kind == "stage.yaml")
STAGE: Final = "60_words"
ABOVE: Final = """\
import os
from pathlib import Path

from shared.stage_utils import StageIO

job_dir = Path(os.environ["OUTPUT_DIR"])
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job with a text, beside a secret and the stage's spec."""
    for name, text in {
        "job/input/text.txt": "the river and\nthe bridge",
        "secrets/service": "key-of-the-service\n",
        f"stages/{STAGE}/stage.yaml": SPEC,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "job"


@pytest.mark.parametrize("example", EXAMPLES, ids=[text.splitlines()[1] for text in EXAMPLES])
def test_an_example_does_what_the_page_says(job: Path, example: str) -> None:
    program = job.parent / "stages" / STAGE / "stage.py"
    program.write_text(ABOVE + example)
    ended = subprocess.run(
        [sys.executable, str(program)],
        env={
            **os.environ,
            "OUTPUT_DIR": str(job),
            "PYTHONPATH": str(ROOT),
            "STAGERUN_SECRETS": str(job.parent / "secrets"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr or "add_error" in example
    if "StageIO(" in example:
        manifest = json.loads((job / STAGE / "manifest.json").read_text())
        said = "skipped" if "skipped" in example else "failed" if "failed" in example else "success"
        assert manifest["status"] == said
    assert "key-of-the-service" not in ended.stderr


def test_every_group_of_calls_has_an_example() -> None:
    groups = page("docs/stage-io.md").split("\n## ")[1:-1]
    assert [group.splitlines()[0] for group in groups if "<!-- example -->" not in group] == []
