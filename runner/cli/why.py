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
from runner.project.quantity import limit_text
from runner.run.ending import Ending, last_ending
from runner.run.overview import cause
from runner.run.prospect import Answer, GpuNeed, Prospect, prospect
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
        "gpu": ending.gpu and ending.gpu.model_dump(mode="json"),
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
    if ahead.gpu is not None:
        lines.append(f"GPU: would ask for {one_line(gpu_text(ahead.gpu))}")
    return lines + [f"note: {one_line(text)}" for text in ahead.notices]


def gpu_text(need: GpuNeed) -> str:
    """What is asked of the GPUs, on what ground, and what runs took up to now."""
    asked = limit_text(need.asked) if isinstance(need.asked, int) else "the whole memory"
    if need.asked is None:
        return "a GPU without other runs: nothing is known of its need yet"
    count = "" if need.gpus == 1 else f" on each of {need.gpus} GPUs"
    peaks = ", ".join(f"{limit_text(size)} on {name}" for name, size in need.peaks.items())
    took = f"; earlier runs took at most {peaks}" if peaks else ""
    return f"{asked}{count} ({need.source}){took}"


def _attempt_lines(ending: Ending) -> list[str]:
    attempt = ending.attempt
    if attempt.number == 1:
        return []
    changes = ", ".join(f"{it.name} {it.used} instead of {it.asked}" for it in attempt.changes)
    return [
        f"attempt {attempt.number} of {attempt.of}" + (f", with {changes}" if changes else ""),
        *(f"  attempt {it.number}, run {it.run_id}: {cause(it.verdict)}" for it in ending.earlier),
    ]


def _gpu_lines(ending: Ending) -> list[str]:
    gpu, peak = ending.gpu, ending.gpu_memory_peak_bytes
    if gpu is None:
        return []
    had = ", ".join(
        f"{uuid}" + (f" ({name})" if name else "")
        for uuid, name in zip(gpu.uuids, gpu.names or [""] * len(gpu.uuids), strict=False)
    )
    reserved = ", ".join(map(limit_text, dict.fromkeys(gpu.memory_bytes)))
    took = "" if peak is None else f", took at most {limit_text(peak)}"
    return [f"GPU: {had}, {reserved} reserved ({gpu.source}){took}"]


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
    body += _gpu_lines(ending)
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
