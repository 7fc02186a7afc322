"""``stagerun init JOB --input NAME=FILE``: making a job directory."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from runner.cli.context import Context
from runner.cli.options import PLACE, common_options, parse_settings
from runner.errors import UsageError
from runner.job.creation import Creation, JobRequest, make_job
from runner.observers.plain import plain
from runner.observers.style import paint
from runner.project.config import NO_JOB, check_keys
from runner.project.pipeline import JOB_INPUT, Project
from runner.suggestion import closest

if TYPE_CHECKING:
    from runner.run.giving import Gift

NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""What ``job.yaml`` takes for the name of an input."""

REFERENCE: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
"""A stage and one of its outputs."""


@click.command("init")
@click.argument("place", metavar="JOB", type=PLACE)
@click.option("--input", "inputs", multiple=True, metavar="NAME=FILE", help="A file of the job.")
@click.option(
    "--have",
    "have",
    multiple=True,
    metavar="STAGE/OUTPUT=FILE",
    help="A file of your own in the place of a stage's output.",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the job.")
@click.option("--workflow", metavar="NAME", help="What the job shall produce.")
@click.option("--by-reference", is_flag=True, help="Leave the files where they are.")
@common_options
@click.pass_obj
def command(
    context: Context,
    place: Path,
    inputs: tuple[str, ...],
    have: tuple[str, ...],
    settings: tuple[str, ...],
    workflow: str | None,
    by_reference: bool,
) -> None:
    """Make the directory JOB with its input files and its job.yaml.

    Files become hard links, or copies where that is not possible. With --have what follows that
    stage runs from your file.
    """
    from runner.run.giving import gifts, results

    if not inputs and not have:
        msg = "a job needs a file: stagerun init JOB --input NAME=FILE"
        raise UsageError(msg)
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
    found = gifts(context.project, _parse_have(have)) if have else []
    with context.observing() as emit:
        request = replace(request, results=results(found, workflow, emit))
        creation = make_job(request, emit, elsewhere="stagerun init ANOTHER_JOB …")
    _tell(context, request, creation, found)


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
    return found


def _parse_have(texts: tuple[str, ...]) -> dict[str, tuple[Path, ...]]:
    found: dict[str, tuple[Path, ...]] = {}
    for text in texts:
        reference, sign, file = text.partition("=")
        if not sign or not file or not REFERENCE.fullmatch(reference):
            msg = (
                f"--have {text}: write a stage, its output and a file, as in --have "
                "06_asr/segments=segments.json."
            )
            raise UsageError(msg)
        found[reference] = (*found.get(reference, ()), Path(file))
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
            close = closest(name, sorted(known))
            hint = f"did you mean {close}?" if close else f"they read {', '.join(sorted(known))}."
            msg = f"--input {name}: no stage of the project reads input/{name}; {hint}"
            raise UsageError(msg)
    check_keys(project, NO_JOB, request.config)
    if request.workflow:
        project.workflow(request.workflow)


def _tell(context: Context, request: JobRequest, creation: Creation, found: list["Gift"]) -> None:
    if context.json:
        import json

        document = {
            "schema_version": 1,
            "job": str(creation.job.root),
            "made": creation.made,
            "inputs": {name: str(way) for name, way in creation.ways.items()},
            "have": [{"path": gift.path, "source": str(gift.source)} for gift in found],
        }
        click.echo(json.dumps(document, indent=2))
    elif not context.quiet:
        files = ", ".join(
            [
                f"{name}: {plain(request.inputs[name].name)} ({way})"
                for name, way in creation.ways.items()
            ]
            + [f"{plain(gift.path)}: {plain(gift.source.name)}" for gift in found]
        )
        place = plain(str(request.place))
        text = f"made: {files}" if creation.made else "is there already, and the same"
        click.echo(f"{paint(place, 'strong', on=context.colour)} {text}")
