"""``stagerun clean [JOB…]``: what nothing depends on any more; with ``--yes`` it goes."""

from pathlib import Path
from typing import Any

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer
from runner.cli.tables import table
from runner.errors import EngineError
from runner.host.engine import DockerEngine, Image
from runner.host.engine_errors import translated
from runner.host.images import replaced_images
from runner.job.folder import Job, find_job, open_job
from runner.project.quantity import size_text
from runner.run.leftovers import Cleaning, find_leftovers, remove_leftovers


@click.command("clean", short_help="Show or remove what nothing depends on any more.")
@click.argument("jobs", nargs=-1, type=click.Path(path_type=Path), metavar="[JOB]...")
@click.option("--yes", is_flag=True, help="Remove it; otherwise it is only shown.")
@click.option("--images", is_flag=True, help="Replaced images too (the default without a job).")
@click.option("--previous", is_flag=True, help="Kept previous results too.")
@common_options
@click.pass_obj
def command(
    context: Context, /, jobs: tuple[Path, ...], yes: bool, images: bool, previous: bool
) -> None:
    """Show what old runs and builds left behind, and with --yes remove it.

    Results in force stay, and so does everything of a stage that is being run.
    """
    cleanings = [_clean(path, yes=yes, previous=previous) for path in jobs]
    replaced = replaced_images(context.engine) if images or not jobs else []
    kept = _remove_images(context.engine, replaced) if yes else {}
    replaced = [image for image in replaced if image.digest not in kept]
    total = sum(cleaning.size_bytes for _, cleaning in cleanings)
    total += sum(image.size_bytes for image in replaced)
    document = {
        "schema_version": 1,
        "removed": yes,
        "size_bytes": total,
        "jobs": [_document(job, cleaning) for job, cleaning in cleanings],
        "images": replaced,
        "images_kept": kept,
    }

    def lines() -> list[str]:
        rows = [row for _, cleaning in cleanings for row in _rows(cleaning)]
        rows += [
            (size_text(image.size_bytes), f"image {image.name}", "replaced by a newer build")
            for image in replaced
        ]
        busy = [
            f"{job.root}: {stage} is being run, or its runner died: left alone"
            for job, cleaning in cleanings
            for stage in cleaning.busy
        ]
        refused = [f"{digest} stays: {why}" for digest, why in kept.items()]
        end = _conclusion(total, len(rows), shared=bool(replaced), yes=yes)
        return [*table(rows), *busy, *refused, end]

    answer(context, document, lines)


def _clean(path: Path, *, yes: bool, previous: bool) -> tuple[Job, Cleaning]:
    if yes:
        job = open_job(path)
        return job, remove_leftovers(job, previous=previous)
    job = find_job(path)
    return job, find_leftovers(job, previous=previous)


def _remove_images(engine: DockerEngine, images: list[Image]) -> dict[str, str]:
    """Remove replaced images; returns those that others stand on, with the engine's reason."""
    kept = {}
    for image in images:
        try:
            with translated(engine.address):
                engine.api.remove_image(image.digest)
        except EngineError as problem:
            kept[image.digest] = str(problem)
    return kept


def _document(job: Job, cleaning: Cleaning) -> dict[str, Any]:
    return {"job": job.root, "leftovers": cleaning.leftovers, "busy": cleaning.busy}


def _rows(cleaning: Cleaning) -> list[tuple[str, str, str]]:
    return [(size_text(item.size_bytes), str(item.path), item.why) for item in cleaning.leftovers]


def _conclusion(total: int, count: int, *, shared: bool, yes: bool) -> str:
    """What came of it; images share layers with each other and with those in use."""
    if not count:
        return "nothing to clean"
    size = ("up to " if shared else "") + size_text(total)
    return f"{size} freed" if yes else f"{size} would be freed; remove it with --yes"
