"""``stagerun images …``: what images there are and what is in them."""

import click

from runner.cli.completing import complete_stage
from runner.cli.context import Context
from runner.cli.image_reports import inventory_lines, list_lines
from runner.cli.options import common_options
from runner.cli.reporting import answer
from runner.host.images import StageImage
from runner.run.variant import chosen_images


@click.group("images", short_help="List images, look into them, lock, carry and share them.")
@common_options
def command() -> None:
    """What images the project has and what is in them; taking them elsewhere."""


stages_argument = click.argument(
    "stages", nargs=-1, metavar="[STAGE]...", shell_complete=complete_stage
)


def _chosen(context: Context, stages: tuple[str, ...]) -> list[StageImage]:
    """The images of these stages, or of all, that the project's settings choose."""
    project = context.project
    chosen = [project.stage(text) for text in stages] or list(project.stages.values())
    return chosen_images(project, chosen)


@command.command("list", short_help="Show all images of the project.")
@common_options
@click.pass_obj
def list_(context: Context, /) -> None:
    """Show each image: its size, what of it others share, its age, and whether it is up to date.

    Images that newer builds replaced are counted, with the command that removes them.
    """
    from runner.host.image_list import list_images

    found = list_images(context.project, context.engine)
    document = {"schema_version": 1, **vars(found)}
    answer(context, document, lambda: list_lines(found, colour=context.colour))


@command.command("inventory", short_help="List the packages in images.")
@stages_argument
@common_options
@click.pass_obj
def inventory(context: Context, /, stages: tuple[str, ...]) -> None:
    """List every Debian package and Python distribution, with version and licence."""
    from runner.host.inventory import take_inventory
    from runner.host.recipes import image_name

    found = [
        take_inventory(
            context.engine,
            image_name(stage.id, variant),
            made_by=f"stagerun build {stage.id} --variant {variant}",
        )
        for stage, variant in _chosen(context, stages)
    ]
    answer(context, {"schema_version": 1, "images": found}, lambda: inventory_lines(found))


@command.command("lock", short_help="Record what is in the images, in images.lock.")
@common_options
@click.pass_obj
def lock(context: Context, /) -> None:
    """Write images.lock: packages, wheels, sources and base of each image that is built.

    All images that the project's settings choose must be there. build --locked refuses what is
    not as the lock says.
    """
    from runner.host.image_lock import make_lock, write_lock

    project = context.project
    found = make_lock(project, context.engine, chosen_images(project))
    path = write_lock(project.root, found)
    document = {"schema_version": 1, "file": path, "images": list(found.images)}
    answer(context, document, lambda: [f"{path}: {len(found.images)} images"])
