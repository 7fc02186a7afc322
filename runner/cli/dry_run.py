"""``run --dry-run``: what would run, what would not, and why."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

import click

from runner.cli.context import Context
from runner.events import JobRefused
from runner.observers.console import terminal_width
from runner.observers.lines import Layout, refused_line, shortened_from
from runner.observers.style import ASCII, UNICODE, Marks, Pieces, is_unicode, painted
from runner.project.pipeline import Project
from runner.run.inputs import is_enabled
from runner.run.plan import Plan
from runner.run.prospect import Answer, Prospect, prospect
from runner.run.request import RunOptions

WORDS: Final = {
    Answer.UP_TO_DATE: "up to date",
    Answer.RUN: "would run",
    Answer.REFUSE: "would be refused",
    Answer.SKIP: "would be skipped",
    Answer.UNKNOWN: "cannot be told",
}
WORDS_WIDTH: Final = max(map(len, WORDS.values()))


@dataclass(frozen=True, kw_only=True)
class Step:
    """What would happen to one stage."""

    stage: str
    answer: Answer
    reason: str


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job that would first be made of a film."""

    place: Path
    stages: tuple[str, ...]

    @classmethod
    def of(cls, place: Path, project: Project, upto: str | None) -> Self:
        """The job that the project's default workflow would run. Raises UsageError."""
        wanted = project.workflow(None)
        last = (project.stage(upto).id,) if upto else tuple(source.stage for source in wanted)
        return cls(place=place, stages=project.needed_for(last))


def show_plans(
    context: Context,
    plans: Sequence[Plan | NewJob],
    options: RunOptions,
    refused: Sequence[JobRefused] = (),
) -> None:
    """Print what the same call without ``--dry-run`` would do. Raises JobFolderError."""
    jobs = [
        (str(plan.place.absolute()), list(_all_new(plan)))
        if isinstance(plan, NewJob)
        else (str(plan.job.root), list(foresee(context, plan, options)))
        for plan in plans
    ]
    if context.json:
        listed = [{"job": job, "stages": [asdict(step) for step in steps]} for job, steps in jobs]
        document = {"schema_version": 1, "jobs": listed}
        if refused:
            document["refused"] = [asdict(refusal) for refusal in refused]
        click.echo(json.dumps(document, indent=2))
        return
    for job, steps in jobs:
        for pieces in _lines(context, job, steps):
            click.echo(painted(pieces, on=context.colour).rstrip())
    for refusal in refused:
        pieces = refused_line(refusal, _layout(context))
        click.echo(painted(pieces, on=context.colour).rstrip())


def _all_new(new: NewJob) -> Iterator[Step]:
    for stage in new.stages:
        yield Step(stage=stage, answer=Answer.RUN, reason="the job would first be made")


def foresee(context: Context, plan: Plan, options: RunOptions) -> Iterator[Step]:
    """The stages of a plan, with what those before them mean for them."""
    project = context.project
    would_run: set[str] = set()
    would_not: set[str] = set()
    for stage_id in plan.stages:
        stage = project.stages[stage_id]
        upstream = () if stage_id in plan.given else project.upstream(stage)
        enabled = is_enabled(stage_id, project, plan.job)
        if enabled and (bad := [name for name in upstream if name in would_not]):
            answer, reason = Answer.REFUSE, f"it reads from {bad[0]}, which cannot run"
        elif enabled and (fresh := [name for name in upstream if name in would_run]):
            answer, reason = Answer.RUN, f"it reads from {fresh[0]}, which would run before it"
        else:
            found = prospect(stage, project, plan.job, context.host, options)
            is_forced = options.force and not found.given
            answer, reason = _forced(found) if is_forced else _first(found)
        if answer is Answer.RUN:
            would_run.add(stage_id)
        elif answer in (Answer.REFUSE, Answer.UNKNOWN):
            would_not.add(stage_id)
        yield Step(stage=stage_id, answer=answer, reason=reason)


def _first(found: Prospect) -> tuple[Answer, str]:
    return found.answer, next(iter(found.reasons), "")


def _forced(found: Prospect) -> tuple[Answer, str]:
    if found.answer is Answer.UP_TO_DATE:
        return Answer.RUN, "--force"
    return _first(found)


def _lines(context: Context, job: str, steps: Sequence[Step]) -> Iterator[Pieces]:
    layout = _layout(context, names=max((len(step.stage) for step in steps), default=0))
    yield ((layout.text(job), "strong"),)
    for step in steps:
        mark, role = _mark(step.answer, layout.marks)
        head = ((f" {mark} ", role), (f"{layout.name(step.stage)}   ", "strong"))
        words = f"{WORDS[step.answer]:<{WORDS_WIDTH}}   "
        line = (*head, (words, role), (layout.text(step.reason), ""))
        yield line if step.answer in (Answer.REFUSE, Answer.UNKNOWN) else layout.fit(line)


def _layout(context: Context, names: int = 0) -> Layout:
    return Layout(
        marks=UNICODE if is_unicode(sys.stdout.encoding) else ASCII,
        width=terminal_width() if context.terminal else None,
        names=names,
        shorten=shortened_from(str(context.folder)),
    )


def _mark(answer: Answer, marks: Marks) -> tuple[str, str]:
    return {
        Answer.UP_TO_DATE: (marks.cached, "good"),
        Answer.RUN: (marks.result, "busy"),
        Answer.SKIP: (marks.skipped, "dim"),
    }.get(answer, (marks.failure, "bad"))
