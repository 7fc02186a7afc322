"""``stagerun cancel JOB [STAGE]``: stop what another terminal runs."""

from pathlib import Path

import click

from runner.cli.completing import complete_stage
from runner.cli.context import Context
from runner.cli.options import PLACE, common_options
from runner.cli.reporting import answer, tell_notices
from runner.job.folder import open_job
from runner.run.stopping import Stopped, stop


@click.command("cancel", short_help="Stop what runs in a job.")
@click.argument("place", metavar="JOB", type=PLACE)
@click.argument("stage", required=False, shell_complete=complete_stage)
@click.option("--now", is_flag=True, help="Kill it at once, without time to end in order.")
@common_options
@click.pass_obj
def command(context: Context, /, place: Path, stage: str | None, now: bool) -> None:
    """Stop STAGE of JOB, or all that runs in it, whoever runs it.

    A stage is asked to end, and killed when it does not; its run is closed as cancelled and the
    result before it is kept.
    """
    project = context.project
    job = open_job(place)
    stages = [project.stage(stage).id] if stage else []
    grace = 0.0 if now else project.settings.limits.stop_grace
    stopped = stop(job, project, context.host, stages, grace_seconds=grace, emit=tell_notices)
    document = {"schema_version": 1, "job": job.root, "stopped": stopped}
    answer(context, document, lambda: _lines(stopped, str(job.root)))


def _lines(stopped: list[Stopped], job: str) -> list[str]:
    if not stopped:
        return [f"nothing runs in {job}"]
    return [
        f"{item.stage}: run {item.run_id} was stopped"
        if item.run_id
        else f"{item.stage}: was not started"
        for item in stopped
    ]
