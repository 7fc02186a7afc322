"""What all report verbs share: their switches, the job and stage they are given, the answer."""

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from runner.cli.context import Context
from runner.errors import UsageError
from runner.job.folder import Job, find_job
from runner.project.stage import StageSpec

Function = TypeVar("Function", bound=Callable[..., Any])
MOST_WORDS = 2


def report_options(function: Function) -> Function:
    """Give a command ``--json``, ``-q`` and ``-v`` of its own, beside those before the verb."""
    for names, text in (
        (("--verbose", "-v"), "Say more."),
        (("--quiet", "-q"), "Say only what went wrong."),
        (("--json", "json"), "Print one JSON document instead."),
    ):
        option = click.option(
            *names, is_flag=True, expose_value=False, callback=_remember, help=text
        )
        function = option(function)
    return function


def _remember(call: click.Context, parameter: click.Parameter, value: bool) -> None:
    context = call.find_object(Context)
    if value and context is not None and parameter.name is not None:
        setattr(context, parameter.name, True)


def is_job(text: str) -> bool:
    """Whether a word of the command line names a job directory."""
    return (Path(text) / "job.yaml").is_file()


def stage_and_job(context: Context, words: tuple[str, ...], usage: str) -> tuple[StageSpec, Job]:
    """The stage and the job that two words name, in either order.

    Raises UsageError with the usage, UnknownStageError or JobFolderError.
    """
    if len(words) != MOST_WORDS:
        msg = f"a stage and a job directory are needed: stagerun {usage}"
        raise UsageError(msg)
    stage, job = words
    if is_job(stage) and not is_job(job):
        stage, job = job, stage
    return context.project.stage(stage), find_job(Path(job))


def answer(context: Context, document: Any, lines: Callable[[], list[str]]) -> None:
    """Print the report: as one JSON document, or as lines for people."""
    if context.json:
        # ASCII only: what a stage wrote cannot steer the terminal.
        click.echo(json.dumps(plain(document), indent=2))
    elif not context.quiet:
        for line in lines():
            click.echo(line)


def plain(value: Any) -> Any:
    """Dataclasses, tuples and paths as JSON knows them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
