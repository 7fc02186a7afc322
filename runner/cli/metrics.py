"""``stagerun metrics``: figures of GPUs and runs, as Prometheus' node exporter takes them."""

import sys
from pathlib import Path
from typing import Final

import click

from runner.cli.context import Context
from runner.cli.gpus import machine_gpus
from runner.cli.options import common_options
from runner.cli.reporting import answer
from runner.job.folder import find_job
from runner.observers.stream import Stream
from runner.run.exposition import exposition, write_textfile
from runner.run.gpu_report import gpu_report
from runner.run.metrics import metrics

FILE: Final = "stagerun.prom"


@click.command("metrics", short_help="Write figures of GPUs and runs for Prometheus.")
@click.argument("jobs", nargs=-1, type=click.Path(path_type=Path), metavar="[JOB]...")
@click.option(
    "--textfile",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=f"Write {FILE} into that folder, whole; otherwise print the metrics.",
)
@common_options
@click.pass_obj
def command(context: Context, /, jobs: tuple[Path, ...], folder: Path | None) -> int:
    """Write the figures of this machine's GPUs, and of the runs of each JOB, for Prometheus.

    DIR is the folder of the node exporter's textfile collector. Runs are counted from the records
    of the jobs that are named.
    """
    found = metrics(gpu_report(machine_gpus(context)), [find_job(job) for job in jobs])
    text = exposition(found)
    if folder is not None:
        write_textfile(folder / FILE, text)
    elif not context.json:
        Stream(sys.stdout).write(text)
        return 0
    samples = sum(len(metric.samples) for metric in found)
    document = {"schema_version": 1, "file": folder and folder / FILE, "metrics": found}
    answer(context, document, lambda: [f"{samples} figures in {folder and folder / FILE}"])
    return 0
