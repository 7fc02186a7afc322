"""``stagerun status JOB``: where the stages of a job stand."""

from pathlib import Path
from typing import Final

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer
from runner.cli.tables import Cell, one_line, table
from runner.errors import RunnerLostError
from runner.job.folder import find_job
from runner.project.quantity import duration_text, size_text
from runner.run.overview import StageStatus, State, overview

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


@click.command("status", short_help="Show where the stages of a job stand.")
@click.argument("job", type=click.Path(path_type=Path))
@common_options
@click.pass_obj
def command(context: Context, /, job: Path) -> int:
    """Show where the stages of JOB stand.

    The exit code is 10 when a run has lost its runner, otherwise 0.
    """
    opened = find_job(job)
    stages = overview(context.project, opened)
    lost = any(stage.state is State.RUNNER_LOST for stage in stages)
    code = RunnerLostError.exit_code if lost else 0
    document = {
        "schema_version": 1,
        "job": opened.root,
        "workflow": opened.workflow,
        "stages": stages,
        "exit_code": code,
    }
    answer(context, document, lambda: _lines(context, stages))
    return code


def _lines(context: Context, stages: list[StageStatus]) -> list[str]:
    lines = table([_row(stage) for stage in stages], HEADERS, colour=context.colour)
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
        Cell(str(stage.state).replace("_", " "), STYLES[stage.state]),
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
