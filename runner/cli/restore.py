"""``stagerun restore STAGE JOB``: bring the previous good result back."""

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer, stage_and_job, tell_notices
from runner.job.folder import open_job
from runner.job.journal import open_runs
from runner.job.lock import stage_lock
from runner.run.recovery import recover
from runner.run.results import restore


@click.command("restore", short_help="Bring the previous good result of a stage back.")
@click.argument("words", nargs=-1, metavar="STAGE JOB")
@common_options
@click.pass_obj
def command(context: Context, words: tuple[str, ...]) -> None:
    """Put the result that STAGE had in JOB before its last run back in force."""
    stage, found = stage_and_job(context, words, "restore STAGE JOB")
    job = open_job(found.root)
    with stage_lock(job, stage.id):
        # A container that a dead runner left behind would follow the folder.
        if open_runs(job, stage.id):
            recover(stage, context.project, job, context.host, tell_notices, adopts=False)
        run_id = restore(job, stage.id)
    document = {"schema_version": 1, "job": job.root, "stage": stage.id, "run_id": run_id}
    answer(
        context,
        document,
        lambda: [f"{stage.id}: the result of run {run_id} is in force again"],
    )
