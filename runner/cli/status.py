"""``stagerun status JOB``: where the stages of a job stand, or where many jobs stand."""

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from runner.cli.context import Context
from runner.cli.gpu_lines import gpu_lines
from runner.cli.options import PLACE, common_options
from runner.cli.reporting import answer, plain
from runner.cli.tables import Cell, one_line, table
from runner.errors import RunnerLostError
from runner.job.folder import Job, find_job
from runner.job.job_manifest import read_record
from runner.observers.lines import shortened_from
from runner.observers.style import ASCII, UNICODE, is_unicode
from runner.project.pipeline import Project
from runner.project.quantity import duration_text, size_text
from runner.run.faults import refusal_of
from runner.run.gpu_record import recorded_curves
from runner.run.job_status import JobState, JobStatus, job_status
from runner.run.overview import StageStatus, State, needed_stages, overview

if TYPE_CHECKING:
    from runner.manifest import GpuCurve

JOB_HEADERS: Final = ("job", "state", "done", "stage", "took", "reason")
HEADERS: Final = ("stage", "state", "run", "took", "peak", "outputs")
SHOWN_OUTPUTS: Final = 3
STYLES: Final = {
    State.SUCCESS: "good",
    State.CHANGED: "warn",
    State.FAILED: "bad",
    State.CANCELLED: "warn",
    State.RUNNING: "busy",
    State.RUNNER_LOST: "bad",
    State.ELSEWHERE: "warn",
    State.WAITING: "dim",
    State.SKIPPED: "dim",
    State.NOT_RUN: "dim",
}


@click.command("status", short_help="Show where a job's stages stand, or where many jobs stand.")
@click.argument("places", metavar="JOB…", nargs=-1, required=True, type=PLACE)
@common_options
@click.pass_obj
def command(context: Context, /, places: tuple[Path, ...]) -> int:
    """Show where the stages of JOB stand; of several jobs, a line for each.

    The exit code is 10 when a run has lost its runner, otherwise 0, or that of the first word that
    is no job or cannot be read.
    """
    return _one(context, places[0]) if len(places) == 1 else _many(context, places)


def _many(context: Context, places: Sequence[Path]) -> int:
    project = context.project
    words: dict[str, Path] = {}
    for place in places:
        words.setdefault(os.path.realpath(place), place)
    found = [_job_status(project, place) for place in words.values()]
    states = Counter(status.state for status, _ in found)
    lost = RunnerLostError.exit_code if states[JobState.RUNNER_LOST] else 0
    code = lost or next((code for _, code in found if code), 0)
    document = {
        "schema_version": 1,
        "jobs": [status for status, _ in found],
        "exit_code": code,
    }

    def lines() -> list[str]:
        shorten = shortened_from(str(Path.cwd()))  # before the columns get their widths
        names = [shorten(str(place)) for place in words.values()]
        rows = [_job_row(name, status) for name, (status, _) in zip(names, found, strict=True)]
        return [*table(rows, JOB_HEADERS, colour=context.colour), _sums(states)]

    answer(context, document, lines)
    return code


def _job_status(project: Project, place: Path) -> tuple[JobStatus, int]:
    """How a job stands, and the exit code of what cannot be read as one, whatever is wrong."""
    try:
        return job_status(project, find_job(place)), 0
    except Exception as problem:
        refusal = refusal_of(problem, place)
        job = Path(os.path.realpath(place))
        status = JobStatus(job=job, state=JobState.REFUSED, reason=str(refusal))
        return status, refusal.exit_code


def _job_row(name: str, status: JobStatus) -> list[str | Cell]:
    stage, needed = status.stage, status.stages_needed
    seconds = None if stage is None else stage.duration_seconds
    whole = "good" if status.state is JobState.DONE else "bad"
    return [
        name,
        Cell(_words(status.state), whole if stage is None else STYLES[stage.state]),
        f"{status.stages_done} of {needed}" if needed else "",
        "" if stage is None else stage.stage,
        "" if seconds is None else duration_text(seconds),
        status.reason,
    ]


def _sums(states: Mapping[JobState, int]) -> str:
    done = f"{states[JobState.DONE]} of {sum(states.values())} done"
    others = [state for state in JobState if states[state] and state is not JobState.DONE]
    return " · ".join([done, *(f"{states[state]} {_words(state)}" for state in others)])


def _words(state: State | JobState) -> str:
    return str(state).replace("_", " ")


def _one(context: Context, place: Path) -> int:
    opened = find_job(place)
    stages = overview(context.project, opened, needed_stages(context.project, opened))
    lost = any(stage.state is State.RUNNER_LOST for stage in stages)
    code = RunnerLostError.exit_code if lost else 0
    curves = _curves(opened, stages) if context.json or context.verbose else {}
    document = {
        "schema_version": 1,
        "job": opened.root,
        "workflow": opened.workflow,
        "stages": [_document(stage, curves) for stage in stages],
        "exit_code": code,
    }
    answer(context, document, lambda: _lines(context, stages, curves))
    return code


def _curves(job: Job, stages: list[StageStatus]) -> "dict[str, dict[str, GpuCurve]]":
    """The course of the GPUs in the last run of each stage that had some."""
    records = {
        stage.stage: read_record(job, stage.run_id) for stage in stages if stage.run_id is not None
    }
    return {stage: recorded_curves(record) for stage, record in records.items() if record}


def _document(
    stage: StageStatus, curves: "Mapping[str, Mapping[str, GpuCurve]]"
) -> dict[str, object]:
    found = curves.get(stage.stage, {})
    return {
        **plain(stage),
        "gpu_curve": {uuid: curve.model_dump() for uuid, curve in found.items()},
    }


def _lines(
    context: Context, stages: list[StageStatus], curves: "Mapping[str, Mapping[str, GpuCurve]]"
) -> list[str]:
    marks = UNICODE if is_unicode(sys.stdout.encoding) else ASCII
    header, *rows = table([_row(stage) for stage in stages], HEADERS, colour=context.colour)
    lines = [header]
    for stage, row in zip(stages, rows, strict=True):
        lines += [row, *gpu_lines(curves.get(stage.stage, {}), marks)]
    if context.verbose:
        lines += [
            f"{stage.stage}: warning: {one_line(warning)}"
            for stage in stages
            for warning in stage.warnings
        ]
    return lines


def _row(stage: StageStatus) -> list[str | Cell]:
    seconds, peak = stage.duration_seconds, stage.memory_peak_bytes
    return [
        stage.stage,
        Cell(_words(stage.state), STYLES[stage.state]),
        stage.run_id or "",
        "" if seconds is None else duration_text(seconds),
        "" if peak is None else size_text(peak),
        stage.detail or _results(stage),
    ]


def _results(stage: StageStatus) -> str:
    """What the stage said of its result, else its files with their sizes."""
    names = [output.path.split("/", 1)[-1] for output in stage.outputs]
    if stage.summary and not stage.summary.startswith(", ".join(names[:SHOWN_OUTPUTS])):
        text = stage.summary
    else:
        sizes = [size_text(output.size_bytes) for output in stage.outputs]
        pairs = zip(names[:SHOWN_OUTPUTS], sizes, strict=False)
        text = ", ".join(f"{name} {size}" for name, size in pairs)
        rest = len(names) - SHOWN_OUTPUTS
        text += f" and {rest} more" if rest > 0 else ""
    count = len(stage.warnings)
    said = f"{count} warning{'s' if count > 1 else ''}" if count else ""
    return " · ".join(part for part in (text, said) if part)
