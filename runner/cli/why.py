"""``stagerun why STAGE JOB``: why it ended as it did, and why it would run again."""

from typing import Final

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer, stage_and_job
from runner.cli.tables import indented, one_line, table
from runner.job.folder import Job
from runner.observers.plain import plain
from runner.observers.style import paint
from runner.run.ending import Ending, last_ending
from runner.run.overview import cause
from runner.run.prospect import Answer, Prospect, prospect
from runner.run.request import RunOptions

OPENINGS: Final = {
    Answer.UP_TO_DATE: "up to date",
    Answer.RUN: "would run again",
    Answer.REFUSE: "would not run",
    Answer.SKIP: "would be skipped",
    Answer.UNKNOWN: "whether it would run again cannot be told",
}


@click.command("why", short_help="Say why a stage ended as it did, and why it would run again.")
@click.argument("words", nargs=-1, metavar="STAGE JOB")
@common_options
@click.pass_obj
def command(context: Context, words: tuple[str, ...]) -> None:
    """Say how the last run of STAGE in JOB ended and why, and whether it would run again now."""
    stage, job = stage_and_job(context, words, "why STAGE JOB")
    ending = last_ending(job, stage.id)
    ahead = prospect(stage, context.project, job, context.host, RunOptions(keep_given=True))
    document = {
        "schema_version": 1,
        "job": job.root,
        "stage": stage.id,
        "last_run": None if ending is None else _ending_document(ending),
        "now": ahead,
    }
    answer(
        context,
        document,
        lambda: [
            *_prospect_lines(context, ahead, first=ending is None),
            *(_ending_lines(context, stage.id, job, ending, ahead.notices) if ending else []),
        ],
    )


def _ending_document(ending: Ending) -> dict[str, object]:
    models = {
        "attempt": ending.attempt.model_dump(mode="json"),
        "findings": [item.model_dump(mode="json") for item in ending.findings],
        "limit_differences": [item.model_dump(mode="json") for item in ending.limit_differences],
    }
    return {**vars(ending), **models}


def _prospect_lines(context: Context, ahead: Prospect, *, first: bool) -> list[str]:
    opening = OPENINGS[ahead.answer]
    if first and ahead.answer is Answer.RUN:
        opening = "would run"
    main, *others = ahead.reasons or ("",)
    lines = [f"{paint(opening, 'strong', on=context.colour)}: {one_line(main)}"]
    lines += [f"also: {one_line(other)}" for other in others]
    if ahead.unchanged:
        lines.append(f"unchanged: {one_line(', '.join(ahead.unchanged))}")
    return lines + [f"note: {one_line(text)}" for text in ahead.notices]


def _attempt_lines(ending: Ending) -> list[str]:
    attempt = ending.attempt
    if attempt.number == 1:
        return []
    changes = ", ".join(f"{it.name} {it.used} instead of {it.asked}" for it in attempt.changes)
    return [
        f"attempt {attempt.number} of {attempt.of}" + (f", with {changes}" if changes else ""),
        *(f"  attempt {it.number}, run {it.run_id}: {cause(it.verdict)}" for it in ending.earlier),
    ]


def _ending_lines(
    context: Context, stage_id: str, job: Job, ending: Ending, told: tuple[str, ...]
) -> list[str]:
    good = ending.verdict is not None and ending.verdict.good
    word = cause(ending.verdict) if ending.verdict else "not closed"
    run = f" {ending.run_id}" if ending.run_id else ""
    role = "good" if good else "bad"
    lines = [f"last run{run}: {paint(word, role, on=context.colour)}"]
    body = [ending.reason]
    body += [f"  {item.path}  {item.problem}" for item in ending.findings]
    if ending.findings_total > len(ending.findings):
        body.append(f"  and {ending.findings_total - len(ending.findings)} more")
    body.append(ending.advice or "")
    body += _attempt_lines(ending)
    body += [f"warning: {text}" for text in ending.warnings if text not in told]
    body += [
        f"limit {item.name}: asked {item.asked}, in force {item.effective} ({item.reason})"
        for item in ending.limit_differences
    ]
    if not good or context.verbose:
        body += [f"evidence: {text}" for text in ending.evidence]
    if ending.good_is == "previous":
        body.append(f"The result before it is kept: stagerun restore {stage_id} {job.root}")
    lines += [line for text in body if text for line in indented(text, "   ")]
    if context.verbose and ending.overheads_ms:
        rows = [(name, f"{value:.0f} ms") for name, value in ending.overheads_ms.items()]
        lines += [f"   overhead {line}" for line in table(rows)]
    places = (("log", ending.log), ("record", ending.record))
    where = " · ".join(f"{name}: {job.root / path}" for name, path in places if path)
    return [*lines, f"   {plain(where)}"] if where else lines
