"""A new project: settings, a first stage, a README and a workflow for CI."""

import re
from pathlib import Path
from typing import Final

from runner.errors import UsageError
from runner.host.recipe import BASE
from runner.project.pipeline import JOB_INPUT
from runner.project.stage import Source
from runner.template.example import TEXTS, Example
from runner.template.filling import filled_folder, put_down
from runner.template.new_stage import stage_files

FIRST: Final = "10_measure"
EXAMPLE: Final = "example.txt"


def make_project(folder: Path) -> Path:
    """Make a project folder; returns it. Raises UsageError when it is there or has a bad name."""
    folder = folder.absolute()
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", folder.name):
        msg = f"{folder.name!r} is no name for a project: use letters, digits, '-' and '_'."
        raise UsageError(msg)
    if folder.exists():
        msg = f"{folder} is there already. Name a folder that is not, or add a stage to it."
        raise UsageError(msg)
    source = Source(stage=JOB_INPUT, output="text")
    example = Example(name=EXAMPLE, files={EXAMPLE: TEXTS[".txt"]})
    stage = stage_files(FIRST, source, BASE, example)
    project = filled_folder("project", {"name": folder.name, "first": FIRST})
    put_down(
        folder,
        {**project, **{f"stages/{FIRST}/{name}": content for name, content in stage.items()}},
    )
    return folder
