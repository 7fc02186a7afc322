"""``stagerun reap [JOB…]``: remove what dead runners left, and close their runs."""

from pathlib import Path
from typing import Final

import click

from runner.cli.context import Context
from runner.cli.options import PLACE, common_options
from runner.cli.reporting import answer
from runner.cli.tables import table
from runner.errors import EXIT_CODES, StagerunError, Verdict
from runner.events import Event
from runner.job.folder import Job, find_job
from runner.run.reaping import Fate, Remains, jobs_of_containers, reap

WORDS: Final = {
    Fate.REMOVED: ("removed", "would be removed"),
    Fate.CLOSED: ("closed as lost", "would be closed as lost"),
    Fate.STAYS: ("stays", "stays"),
}


@click.command("reap", short_help="Remove what dead runners left.")
@click.argument("places", nargs=-1, type=PLACE, metavar="[JOB]...")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@common_options
@click.pass_obj
def command(context: Context, /, places: tuple[Path, ...], dry_run: bool) -> int:
    """Remove the containers and half-written files of dead runners, and close their runs.

    Looks at the containers of every job, and at JOB, or at all jobs in out/ and those of which a
    dead runner left a container. What a living runner has, what another machine began, and a
    container that a call can go on with stay.
    """
    host, project = context.host, context.nearby_project()
    jobs = [find_job(place) for place in places] or _jobs(context)
    found = reap(jobs, project, host, _silent, dry_run=dry_run)
    document = {"schema_version": 1, "dry_run": dry_run, "remains": found}
    answer(context, document, lambda: _lines(found, dry_run=dry_run))
    lost = any(item.fate is Fate.CLOSED for item in found)
    return EXIT_CODES[Verdict.RUNNER_LOST] if lost else 0


def _jobs(context: Context) -> list[Job]:
    project = context.nearby_project()
    near = sorted((project.root / "out").glob("*/job.yaml")) if project else []
    roots = [path.parent for path in near]
    roots += jobs_of_containers(context.engine, context.host.identity)
    found = []
    for root in dict.fromkeys(root.resolve() for root in roots):
        try:
            found.append(find_job(root))
        except StagerunError:  # it is no job, or no longer one
            continue
    return found


def _lines(found: list[Remains], *, dry_run: bool) -> list[str]:
    rows = [(WORDS[item.fate][dry_run], item.what, item.why) for item in found]
    return table(rows) if rows else ["no dead runner left anything"]


def _silent(event: Event) -> None:
    del event
