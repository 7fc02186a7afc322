"""Stages to be checked: the examples of docs/rules.md, and pieces of code put into a stage."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.compliance.checking import Checked, check
from runner.compliance.targets import gather
from tests.project_kit import ROOT
from tests.unit.docs_pages import blocks

PAGE: Final = ROOT / "docs" / "rules.md"
SECTION: Final = re.compile(r"^### (ST\d{3}) ([a-z-]+)\n\n(Error|Warning)\.", re.MULTILINE)
SPEC: Final = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
STAGE: Final = '''\
#!/usr/bin/env python3
"""Counts words."""

import os
import subprocess
import sys
from pathlib import Path

from shared.config import load_config
from shared.stage_utils import StageIO

{above}
def run_stage(job_dir: Path, stage_name: str = "50_words") -> int:
    """Counts the words of a text."""
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        logger.debug("from %s letters on", config.get("SHORTEST"))
{inside}
        io.finalize(status="success")
        return 0
    except Exception as error:
        logger.error("failed: %s", error, exc_info=True)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
'''


@dataclass(frozen=True)
class Example:
    """A piece of code, where it goes, and the rule that it breaks if it is a bad one."""

    rule: str
    language: str
    is_bad: bool
    place: str
    code: str


def page_examples() -> Iterator[Example]:
    """The examples of the page of rules."""
    text = PAGE.read_text(encoding="utf-8")
    parts = SECTION.split(text)[1:]
    for rule, rest in zip(parts[::4], parts[3::4], strict=True):
        for block in blocks(rest):
            if block.kind is not None:
                kind, _, place = block.kind.partition("-")
                yield Example(rule, block.language, kind == "bad", place, block.text)


def page_rules() -> list[tuple[str, str, str]]:
    """Id, name and severity of every rule of the page."""
    found = SECTION.findall(PAGE.read_text(encoding="utf-8"))
    return [(rule, name, severity.lower()) for rule, name, severity in found]


def page_spec() -> str:
    """The ``stage.yaml`` that the page's examples have."""
    found = SPEC.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def inside(code: str, above: str = "") -> str:
    """A stage that does this."""
    body = textwrap.indent(textwrap.dedent(code).strip("\n"), " " * 8)
    return STAGE.format(inside=body, above=f"{textwrap.dedent(above)}\n")


def whole(example: Example) -> str:
    """The file that an example stands for."""
    if example.language == "dockerfile" or example.place == "whole":
        return example.code
    if example.place == "above":
        return inside("pass", above=example.code)
    return inside(example.code)


def checked(folder: Path, text: str, *, spec: str | None = None, name: str = "stage.py") -> Checked:
    """Check a file: in a stage of a project, or by itself with an empty ``spec``."""
    if name == "Dockerfile" or spec == "":
        path = folder / name
        path.write_text(text, encoding="utf-8")
        return check(gather([path]))
    stage = folder / "stages" / "50_words"
    stage.mkdir(parents=True, exist_ok=True)
    (folder / "stagerun.yaml").write_text("workflows: {count: [50_words/counts]}\n")
    (stage / "stage.yaml").write_text(spec or page_spec())
    (stage / name).write_text(text, encoding="utf-8")
    return check(gather([stage]))
