"""``stagerun new``: write a new stage, or a whole new project."""

import os
from pathlib import Path
from typing import Final

import click

from runner.cli.completing import complete_stage
from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer
from runner.cli.verbs import VERBS
from runner.errors import UsageError
from runner.host.recipe import BASE
from runner.observers.plain import plain
from runner.observers.style import paint

SOURCE: Final = "input/text"


@click.command("new", short_help="Write a new stage or a new project.")
@click.argument("name", metavar="[STAGE]", required=False)
@click.option(
    "--from",
    "source",
    metavar="STAGE[/OUTPUT]",
    default=SOURCE,
    shell_complete=complete_stage,
    help="What the stage reads; input/NAME is a file of the job [input/text].",
)
@click.option("--parent", metavar="IMAGE", default=BASE, help="Its parent image [base].")
@click.option(
    "--example",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A small file of what it reads, to test it with.",
)
@common_options
@click.pass_obj
def command(
    context: Context, /, name: str | None, source: str, parent: str, example: Path | None
) -> None:
    """Write the stage STAGE into the project, with a fixture; it runs and passes its test at once.

    Without STAGE, --project DIR makes a new project with a first stage.
    """
    if name is None:
        if (source, parent, example) != (SOURCE, BASE, None):
            msg = "--from, --parent and --example are about a stage: stagerun new 11_shots …"
            raise UsageError(msg)
        _make_project(context)
        return
    if name in VERBS:
        msg = f"stagerun {name} is a command; give the stage another name."
        raise UsageError(msg)
    from runner.template.new_stage import StageRequest, make_stage

    request = StageRequest(id=name, source=source, parent=parent, example=example)
    folder = make_stage(request, context.project)
    place = os.path.relpath(folder, context.folder)
    _tell(context, folder, f"stagerun check {place} && stagerun test {name} --build")


def _make_project(context: Context) -> None:
    if context.project_folder is None:
        msg = (
            "name what shall be made: stagerun new 11_shots, for a stage, or stagerun new "
            "--project my-pipeline, for a project."
        )
        raise UsageError(msg)
    from runner.template.new_project import make_project

    folder = make_project(context.project_folder)
    _tell(context, folder, f"cd {context.project_folder} && stagerun test --build")


def _tell(context: Context, folder: Path, following: str) -> None:
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())

    def lines() -> list[str]:
        place = os.path.relpath(folder, context.folder)
        made = f"{paint(plain(place), 'strong', on=context.colour)} made: {', '.join(files)}"
        return [made, f"next: {following}"]

    answer(context, {"schema_version": 1, "folder": folder, "files": files}, lines)
