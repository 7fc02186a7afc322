"""``stagerun metrics``: figures of GPUs and runs, as Prometheus' node exporter takes them."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from runner.cli.context import Context
from runner.cli.gpus import machine_gpus
from runner.cli.options import PLACE, common_options
from runner.cli.reporting import answer, tell_notices
from runner.errors import StagerunError, UsageError
from runner.events import JobRefused, Notice
from runner.job.folder import Job, find_job
from runner.observers.stream import Stream
from runner.run.exposition import Metric, exposition, write_textfile
from runner.run.gpu_report import gpu_report
from runner.run.metrics import metrics_of_gpus, metrics_of_runs

NAME: Final = "stagerun"
ENDING: Final = ".prom"
"""The exporter reads files of this ending only."""

ALLOWED: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@click.command("metrics", short_help="Write figures of GPUs and runs for Prometheus.")
@click.argument("jobs", nargs=-1, type=PLACE, metavar="[JOB]...")
@click.option(
    "--textfile",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=f"Write {NAME}{ENDING} into that folder, whole; otherwise print the metrics.",
)
@click.option(
    "--name", metavar="NAME", help=f"Write NAME{ENDING}, with NAME on each figure of runs."
)
@click.option("--no-gpus", is_flag=True, help="Leave the GPUs to another file of that folder.")
@common_options
@click.pass_obj
def command(
    context: Context,
    /,
    jobs: tuple[Path, ...],
    folder: Path | None,
    name: str | None,
    *,
    no_gpus: bool,
) -> int:
    """Write the figures of this machine's GPUs, and of the runs of each JOB, for Prometheus.

    DIR is the folder of the node exporter's textfile collector. Runs are counted from the records
    of the jobs that are named. What is no job is named, and the others are counted.
    """
    name = None if name is None else _checked(name)
    refused: list[JobRefused] = []
    opened = {job.root: job for job in _opened(jobs, refused)}
    found = list(_found(context, list(opened.values()), name, no_gpus=no_gpus))
    text = exposition(found)
    code = refused[0].exit_code if refused else 0
    file = None if folder is None else folder / f"{name or NAME}{ENDING}"
    if file is not None:
        write_textfile(file, text)
    elif not context.json:
        Stream(sys.stdout).write(text)
        return code
    samples = sum(len(metric.samples) for metric in found)
    document = {"schema_version": 1, "file": file, "metrics": found, "refused": refused}
    answer(context, document, lambda: [f"{samples} figures in {file}"])
    return code


def _checked(name: str) -> str:
    """The name of a file without its ending."""
    name = name.removesuffix(ENDING)
    if not ALLOWED.fullmatch(name):
        msg = (
            f"--name {name}: the name of a file has letters, digits, dots, hyphens and "
            "underscores, and begins with neither dot nor hyphen."
        )
        raise UsageError(msg)
    return name


def _opened(places: Sequence[Path], refused: list[JobRefused]) -> Iterator[Job]:
    """The jobs at these places; what is none is told and added to the refused."""
    for place in places:
        try:
            yield find_job(place)
        except StagerunError as problem:
            reason, code = str(problem), problem.exit_code
            refused.append(JobRefused(job=str(place), reason=reason, exit_code=code))
            tell_notices(Notice(stage=None, message=f"stagerun: {reason}"))


def _found(
    context: Context, jobs: Sequence[Job], name: str | None, *, no_gpus: bool
) -> Iterator[Metric]:
    if not no_gpus:
        yield from metrics_of_gpus(gpu_report(machine_gpus(context)))
    yield from metrics_of_runs(jobs, {} if name is None else {"jobs": name})
