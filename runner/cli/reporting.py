"""What all report verbs share: the stage and job that they are given, and the answer."""

import json
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final

import click

from runner.cli.context import Context
from runner.errors import UsageError
from runner.events import Event, Notice
from runner.job.folder import Job, find_job
from runner.observers.lines import shortened_from
from runner.observers.plain import plain as plain_text
from runner.observers.stream import Stream
from runner.observers.style import UNICODE, paint
from runner.project.stage import StageSpec

MOST_WORDS: Final = 2


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
        say(json.dumps(plain(document), indent=2))
    elif not context.quiet:
        shorten = shortened_from(str(Path.cwd()))
        for line in lines():
            say(shorten(line))


def tell_notices(event: Event) -> None:
    """An observer for verbs that report what they did: only what must be told beside that."""
    if isinstance(event, Notice):
        click.echo(plain_text(event.message), err=True)


def tell_done(context: Context, message: str) -> None:
    """Tell in one line that all is well, in the manner that the caller chose."""
    if context.json:
        with context.observing() as emit:
            emit(Notice(stage=None, message=message))
    elif not context.quiet:
        mark = paint(UNICODE.success, "good", on=context.colour)
        say(f" {mark} {plain_text(message)}")


def say(text: str) -> None:
    """Print lines in the characters that the locale has."""
    Stream(sys.stdout).write(text + "\n")


def plain(value: Any) -> Any:
    """Dataclasses, tuples and paths as JSON knows them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
