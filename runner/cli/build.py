"""``stagerun build [STAGE…]``: make the images that are missing or older than their sources."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import tell_done
from runner.errors import UsageError
from runner.host.image_budget import check_sizes
from runner.host.images import StageImage, every_image, plan
from runner.host.recipe import Recipe
from runner.host.recipes import Recipes
from runner.project.pipeline import Project
from runner.project.stage import StageSpec
from runner.run.variant import chosen_images

if TYPE_CHECKING:
    from runner.host.collection import Collection
    from runner.host.image_drift import LockGuard


@click.command("build", short_help="Build the images that are missing or old.")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@click.option("--force", is_flag=True, help="Build all of it anew, parents included.")
@click.option("--variant", "variants", multiple=True, metavar="V", help="Only this variant.")
@click.option("--all", "everything", is_flag=True, help="All variants, whatever is set.")
@click.option("--locked", is_flag=True, help="Refuse images that are not as images.lock says.")
@click.option(
    "--offline",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Without network, from what images collect put into DIR.",
)
@common_options
@click.pass_obj
def command(
    context: Context,
    /,
    stages: tuple[str, ...],
    force: bool,
    variants: tuple[str, ...],
    everything: bool,
    locked: bool,
    offline: Path | None,
) -> None:
    """Build the images of the STAGEs (all without any), and the parents below them.

    Of a stage with variants it is those that the project's settings choose. What is as new as its
    sources is left alone. An image that takes more than its stage's image_size is an error.
    """
    project = context.project
    chosen = [project.stage(text) for text in stages] or list(project.stages.values())
    if variants and everything:
        msg = "--all builds all variants; give it, or --variant with those that you want."
        raise UsageError(msg)
    _check_variants(chosen, variants)
    every = every_image(chosen)
    if everything:
        images = every
    elif variants:
        images = [(stage, variant) for stage, variant in every if variant in variants]
    else:
        images = chosen_images(project, chosen)
    guard = _guard(context, images) if locked else None
    collection = _collection(offline) if offline else None
    steps = plan(project, context.engine, images, force=force)
    if not steps:
        tell_done(context, "all images are as new as their sources")
    with context.observing() as emit:
        if steps:
            from runner.host.image_build import build

            accept = guard.check if guard else lambda _: None
            build(
                project,
                context.engine,
                steps,
                emit,
                force=force,
                accept=accept,
                collection=collection,
            )
        check_sizes(context.engine, images)
        if guard:
            for recipe in _recipes(project, images):
                guard.check_with_parents(recipe)


def _guard(context: Context, images: list[StageImage]) -> "LockGuard":
    """What holds the images against the lock; their sources have already been compared."""
    from runner.host.image_drift import LockGuard
    from runner.host.image_lock import read_lock

    guard = LockGuard(read_lock(context.project.root), context.engine)
    for recipe in _recipes(context.project, images):
        guard.check_sources(recipe)
    return guard


def _collection(folder: Path) -> "Collection":
    from runner.host.collection import open_collection

    return open_collection(folder)


def _recipes(project: Project, images: list[StageImage]) -> list[Recipe]:
    recipes = Recipes(project)
    return [recipes.stage(stage, variant) for stage, variant in images]


def _check_variants(stages: list[StageSpec], variants: tuple[str, ...]) -> None:
    known = dict.fromkeys(name for stage in stages for name in stage.parents)
    for variant in variants:
        if variant not in known:
            msg = f"none of these stages has the variant {variant}; there are {', '.join(known)}."
            raise UsageError(msg)
