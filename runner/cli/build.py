"""``stagerun build [STAGE…]``: make the images that are missing or older than their sources."""

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.errors import UsageError
from runner.events import Notice
from runner.host.image_budget import check_sizes
from runner.host.images import every_image, plan
from runner.project.stage import StageSpec
from runner.run.variant import chosen_images


@click.command("build", short_help="Build the images that are missing or old.")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@click.option("--force", is_flag=True, help="Build all of it anew, parents included.")
@click.option("--variant", "variants", multiple=True, metavar="V", help="Only this variant.")
@click.option("--all", "everything", is_flag=True, help="All variants, whatever is set.")
@common_options
@click.pass_obj
def command(
    context: Context,
    /,
    stages: tuple[str, ...],
    force: bool,
    variants: tuple[str, ...],
    everything: bool,
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
    steps = plan(project, context.engine, images, force=force)
    with context.observing() as emit:
        if not steps:
            emit(Notice(stage=None, message="all images are as new as their sources"))
        else:
            from runner.host.image_build import build

            build(project, context.engine, steps, emit, force=force)
        check_sizes(context.engine, images)


def _check_variants(stages: list[StageSpec], variants: tuple[str, ...]) -> None:
    known = dict.fromkeys(name for stage in stages for name in stage.parents)
    for variant in variants:
        if variant not in known:
            msg = f"none of these stages has the variant {variant}; there are {', '.join(known)}."
            raise UsageError(msg)
