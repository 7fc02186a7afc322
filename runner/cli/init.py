"""``stagerun init JOB --input NAME=FILE``: making a job directory."""

import difflib
import re
from pathlib import Path
from typing import Final

import click

from runner.cli.context import Context
from runner.cli.options import common_options, parse_settings
from runner.errors import UsageError
from runner.job.creation import Creation, JobRequest, make_job
from runner.observers.plain import plain
from runner.observers.style import paint
from runner.project.config import JobLayer, check_keys
from runner.project.pipeline import JOB_INPUT, Project

NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""What ``job.yaml`` takes for the name of an input."""


@click.command("init")
@click.argument("place", metavar="JOB", type=click.Path(path_type=Path))
@click.option("--input", "inputs", multiple=True, metavar="NAME=FILE", help="A file of the job.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the job.")
@click.option("--workflow", metavar="NAME", help="What the job shall produce.")
@click.option("--by-reference", is_flag=True, help="Leave the files where they are.")
@common_options
@click.pass_obj
def command(
    context: Context,
    place: Path,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    workflow: str | None,
    by_reference: bool,
) -> None:
    """Make the directory JOB with its input files and its job.yaml.

    Files become hard links, or copies where that is not possible.
    """
    request = JobRequest(
        place=place,
        inputs=_parse_inputs(inputs),
        by_reference=by_reference,
        workflow=workflow,
        config=parse_settings(settings),
    )
    project = context.nearby_project()
    if project is not None:
        _check(project, request)
    with context.observing() as emit:
        creation = make_job(request, emit, elsewhere="stagerun init ANOTHER_JOB …")
    _tell(context, request, creation)


def _parse_inputs(texts: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for text in texts:
        name, sign, file = text.partition("=")
        if not sign or not file or not NAME.fullmatch(name):
            msg = f"--input {text}: write a name and a file, as in --input media=film.mkv."
            raise UsageError(msg)
        if name in found:
            msg = f"--input {name}: it is given twice; keep one."
            raise UsageError(msg)
        found[name] = Path(file)
    if not found:
        msg = "a job needs a file: stagerun init JOB --input NAME=FILE"
        raise UsageError(msg)
    return found


def _check(project: Project, request: JobRequest) -> None:
    """Refuse now what every run of the job would refuse. Raises UsageError and its kin."""
    known = {
        source.output
        for stage in project.stages.values()
        for item in stage.inputs
        for source in item.sources
        if source.stage == JOB_INPUT
    }
    for name in request.inputs:
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), n=1)
            hint = (
                f"did you mean {close[0]}?" if close else f"they read {', '.join(sorted(known))}."
            )
            msg = f"--input {name}: no stage of the project reads input/{name}; {hint}"
            raise UsageError(msg)
    check_keys(project, JobLayer(config={}, stages={}, document=None), request.config)
    if request.workflow:
        project.workflow(request.workflow)


def _tell(context: Context, request: JobRequest, creation: Creation) -> None:
    if context.json:
        import json

        document = {
            "schema_version": 1,
            "job": str(creation.job.root),
            "made": creation.made,
            "inputs": {name: str(way) for name, way in creation.ways.items()},
        }
        click.echo(json.dumps(document, indent=2))
    elif not context.quiet:
        files = ", ".join(
            f"{name}: {plain(request.inputs[name].name)} ({way})"
            for name, way in creation.ways.items()
        )
        place = plain(str(request.place))
        text = f"made: {files}" if creation.made else "is there already, and the same"
        click.echo(f"{paint(place, 'strong', on=context.colour)} {text}")
