"""``stagerun logs [STAGE] JOB``: what stages wrote, and what they write now."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import stage_and_job
from runner.errors import UsageError
from runner.job.folder import Job, find_job
from runner.job.job_manifest import read_entries
from runner.observers.plain import plain_lines
from runner.observers.stream import Stream
from runner.run.ending import newest_run
from runner.run.following import follow, writer_lives
from runner.run.overview import State, live_run

USAGE: Final = "logs [STAGE] JOB"


@dataclass(frozen=True, kw_only=True)
class Log:
    """A log, whether more may come, and what to say when it is not there."""

    path: Path
    alive: Callable[[], bool]
    absent: str


@click.command("logs", short_help="Show the log of a stage, or of the last pipeline run.")
@click.argument("words", nargs=-1, metavar="[STAGE] JOB")
@click.option("--follow", "-f", "following", is_flag=True, help="Go on until the run has ended.")
@click.option("--output", is_flag=True, help="What the program printed, instead of its log.")
@click.option("--run", "run_id", metavar="ID", help="An earlier run.")
@common_options
@click.pass_obj
def command(
    context: Context, /, words: tuple[str, ...], following: bool, output: bool, run_id: str | None
) -> None:
    """Show the log of STAGE in JOB; without STAGE the newest pipeline log.

    Control characters are shown as escapes; the files hold them as they came.
    """
    log = _choose(context, words, output=output, run_id=run_id)
    _show(log, log.alive if following else lambda: False)


def _choose(context: Context, words: tuple[str, ...], *, output: bool, run_id: str | None) -> Log:
    if len(words) == 1:
        job = find_job(Path(words[0]))
        if run_id:
            return _output_log(job, run_id)
        if output:
            msg = f"--output needs a stage or a run: stagerun {USAGE} --output"
            raise UsageError(msg)
        return _pipeline_log(job)
    stage, job = stage_and_job(context, words, USAGE)
    if output:
        newest = newest_run(job, stage.id)
        if newest is None:
            msg = f"{stage.id} has not run in {job.root} yet."
            raise UsageError(msg)
        return _output_log(job, run_id or newest[0], stage.id)
    return _stage_log(job, stage.id, run_id)


def _pipeline_log(job: Job) -> Log:
    logs = sorted(job.logs.glob("99_pipeline_*.log"), key=lambda path: path.stat().st_mtime)
    if not logs:
        msg = f"nothing has run in {job.root} yet: {job.logs} holds no pipeline log."
        raise UsageError(msg)
    newest = logs[-1]
    return Log(path=newest, alive=lambda: writer_lives(newest), absent=f"{newest} is gone.")


def _output_log(job: Job, run_id: str, stage_id: str | None = None) -> Log:
    folder = job.run_folder(run_id)
    if "/" in run_id or not folder.is_dir():
        known = ", ".join([path.name for path in job.runs()][-5:]) or "none"
        msg = f"there is no run {run_id} in {job.root}; the last ones are: {known}."
        raise UsageError(msg)
    return Log(
        path=folder / "output.log",
        alive=lambda: stage_id is not None and _is_running(job, stage_id),
        absent=f"run {run_id} printed nothing: {folder} holds no output.log.",
    )


def _stage_log(job: Job, stage_id: str, run_id: str | None) -> Log:
    folder = job.stage_folder(stage_id)
    entry = read_entries(job).get(stage_id) or {}
    live = live_run(job, stage_id)
    current = live.run_id if live else entry.get("run_id")
    if run_id and run_id != current:
        kept = job.run_folder(run_id) / "stage.log"
        if "/" not in run_id and kept.is_file():
            return Log(path=kept, alive=lambda: False, absent=f"{kept} is gone.")
        if (run_id, "previous") != (entry.get("good_run_id"), entry.get("good_is")):
            msg = (
                f"the stage.log of run {run_id} is not kept (the last run of {stage_id} is "
                f"{current or 'none'}). What it printed may be: stagerun logs {stage_id} "
                f"{job.root} --run {run_id} --output"
            )
            raise UsageError(msg)
        folder = job.previous_folder(stage_id)
    return Log(
        path=folder / "stage.log",
        alive=lambda: _is_running(job, stage_id),
        absent=f"there is no {folder / 'stage.log'}. What the program printed, if it ran: "
        f"stagerun logs {stage_id} {job.root} --output",
    )


def _is_running(job: Job, stage_id: str) -> bool:
    live = live_run(job, stage_id)
    return live is not None and live.state is State.RUNNING


def _show(log: Log, alive: Callable[[], bool]) -> None:
    out = Stream(sys.stdout)
    try:
        for text in follow(log.path, lambda: alive() and not out.gone):
            # Progress bars return to the start of their line.
            lines = text.replace("\r\n", "\n").replace("\r", "\n")
            out.write("\n".join(plain_lines(lines)))
    except OSError:
        raise UsageError(log.absent) from None
