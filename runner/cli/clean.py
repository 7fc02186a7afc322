"""``stagerun clean [JOB…]``: what nothing depends on any more; with ``--yes`` it goes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from runner.cli.context import Context
from runner.cli.options import PLACE, common_options
from runner.cli.reporting import answer
from runner.cli.tables import table
from runner.errors import EngineError, EngineUnavailableError, RemoteEngineError
from runner.host.container import OurContainer
from runner.host.engine import DockerEngine, Image
from runner.host.images import replaced_images
from runner.job.folder import Job, find_job, open_job
from runner.observers.plain import plain
from runner.project.quantity import size_text
from runner.run.left_containers import left_containers
from runner.run.leftovers import Cleaning, find_leftovers, remove_leftovers


@dataclass(frozen=True, kw_only=True)
class Found:
    """What can go, or went; ``kept`` has what the engine refused to remove, with its reason."""

    cleanings: list[tuple[Job, Cleaning]]
    containers: list[tuple[OurContainer, str]]
    images: list[Image]
    kept: dict[str, str]

    @property
    def size_bytes(self) -> int:
        """All of it together; containers have next to nothing of their own."""
        total = sum(cleaning.size_bytes for _, cleaning in self.cleanings)
        return total + sum(image.size_bytes for image in self.images)


@click.command("clean", short_help="Show or remove what nothing depends on any more.")
@click.argument("jobs", nargs=-1, type=PLACE, metavar="[JOB]...")
@click.option("--yes", is_flag=True, help="Remove it; otherwise it is only shown.")
@click.option("--images", is_flag=True, help="Replaced images too (the default without a job).")
@click.option("--previous", is_flag=True, help="Kept previous results too.")
@click.option("--kept", is_flag=True, help="Containers of failed runs, kept with --keep, too.")
@common_options
@click.pass_obj
def command(
    context: Context,
    /,
    jobs: tuple[Path, ...],
    yes: bool,
    images: bool,
    previous: bool,
    kept: bool,
) -> None:
    """Show what old runs and builds left behind, and with --yes remove it.

    Results in force stay, and so does everything of a stage that is being run.
    """
    cleanings = [_clean(path, yes=yes, previous=previous) for path in jobs]
    found = Found(
        cleanings=cleanings,
        containers=_containers(context, [job.root for job, _ in cleanings], kept=kept),
        images=replaced_images(context.engine) if images or not jobs else [],
        kept={},
    )
    if yes:
        found = _removed(context.engine, found)
    answer(context, _document(found, yes=yes), lambda: _lines(found, yes=yes))


def _containers(
    context: Context, roots: list[Path], *, kept: bool
) -> list[tuple[OurContainer, str]]:
    try:
        return list(left_containers(context.engine, roots or None, kept=kept))
    except (EngineUnavailableError, RemoteEngineError):
        # A job can be cleaned without any engine.
        if roots:
            return []
        raise


def _removed(engine: DockerEngine, found: Found) -> Found:
    """Remove containers and images; what others stand on, or what was started again, stays."""
    kept = {}

    def goes(identifier: str, remove: Callable[[], None]) -> bool:
        try:
            remove()
        except EngineError as problem:
            kept[identifier] = str(problem)
        return identifier not in kept

    return replace(
        found,
        containers=[
            (item, why)
            for item, why in found.containers
            if goes(item.name, partial(engine.remove_stopped, item))
        ],
        images=[
            item
            for item in found.images
            if goes(item.digest, partial(engine.remove_image, item.digest))
        ],
        kept=kept,
    )


def _document(found: Found, *, yes: bool) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "removed": yes,
        "size_bytes": found.size_bytes,
        "jobs": [
            {"job": job.root, "leftovers": cleaning.leftovers, "busy": cleaning.busy}
            for job, cleaning in found.cleanings
        ],
        "containers": [
            {"name": item.name, "id": item.id, "why": why} for item, why in found.containers
        ],
        "images": found.images,
        "kept": found.kept,
    }


def _lines(found: Found, *, yes: bool) -> list[str]:
    rows = [row for _, cleaning in found.cleanings for row in _rows(cleaning)]
    rows += [("", f"container {item.name}", why) for item, why in found.containers]
    rows += [
        (size_text(image.size_bytes), f"image {image.name}", "replaced by a newer build")
        for image in found.images
    ]
    busy = [
        plain(f"{job.root}: {stage} is being run, or its runner died: left alone")
        for job, cleaning in found.cleanings
        for stage in cleaning.busy
    ]
    refused = [f"{name} stays: {why}" for name, why in found.kept.items()]
    end = _conclusion(found.size_bytes, len(rows), shared=bool(found.images), yes=yes)
    return [*table(rows), *busy, *refused, end]


def _clean(path: Path, *, yes: bool, previous: bool) -> tuple[Job, Cleaning]:
    if yes:
        job = open_job(path)
        return job, remove_leftovers(job, previous=previous)
    job = find_job(path)
    return job, find_leftovers(job, previous=previous)


def _rows(cleaning: Cleaning) -> list[tuple[str, str, str]]:
    return [(size_text(item.size_bytes), str(item.path), item.why) for item in cleaning.leftovers]


def _conclusion(total: int, count: int, *, shared: bool, yes: bool) -> str:
    """What came of it; images share layers with each other and with those in use."""
    if not count:
        return "nothing to clean"
    size = ("up to " if shared else "") + size_text(total)
    return f"{size} freed" if yes else f"{size} would be freed; remove it with --yes"
