"""``stagerun images …``: what images there are and what is in them."""

from collections.abc import Sized
from pathlib import Path

import click

from runner.cli.completing import complete_stage
from runner.cli.context import Context
from runner.cli.image_reports import inventory_lines, list_lines
from runner.cli.options import common_options
from runner.cli.reporting import answer, tell_done, tell_notices
from runner.events import Observer
from runner.host.images import StageImage
from runner.host.recipe import Recipe, image_name
from runner.host.recipes import Recipes
from runner.project.quantity import size_text
from runner.run.variant import chosen_images


@click.group(
    "images",
    short_help="List images, look into them, lock, carry and share them.",
    invoke_without_command=True,
)
@common_options
@click.pass_context
def command(call: click.Context) -> None:
    """What images the project has and what is in them; taking them elsewhere."""
    if call.invoked_subcommand is None:
        click.echo(call.get_help())


stages_argument = click.argument(
    "stages", nargs=-1, metavar="[STAGE]...", shell_complete=complete_stage
)
folder_argument = click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")


def _chosen(context: Context, stages: tuple[str, ...]) -> list[StageImage]:
    """The images of these stages, or of all, that the project's settings choose."""
    project = context.project
    chosen = [project.stage(text) for text in stages] or list(project.stages.values())
    return chosen_images(project, chosen)


def _made_by(context: Context, stages: tuple[str, ...]) -> dict[str, str]:
    """The name of each chosen image, with the command that makes it."""
    return {
        image_name(stage.id, variant): f"stagerun build {stage.id} --variant {variant}"
        for stage, variant in _chosen(context, stages)
    }


def _stage_recipes(context: Context, stages: tuple[str, ...]) -> list[Recipe]:
    recipes = Recipes(context.project)
    return [recipes.stage(stage, variant) for stage, variant in _chosen(context, stages)]


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

    found = [
        take_inventory(context.engine, image, made_by=made_by)
        for image, made_by in _made_by(context, stages).items()
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
    answer(context, document, lambda: [f"{path}: {_images(found.images)}"])


@command.command("save", short_help="Write images into a folder, to carry them elsewhere.")
@click.option("--zstd", is_flag=True, help="Compress them, with the program zstd.")
@folder_argument
@stages_argument
@common_options
@click.pass_obj
def save(context: Context, /, folder: Path, stages: tuple[str, ...], zstd: bool) -> None:
    """Write the images of the STAGEs (all without any) into DIR, with their digests."""
    from runner.host.image_archives import save_images

    archive = save_images(context.engine, _made_by(context, stages), folder, zstd=zstd)
    document = {"schema_version": 1, "folder": folder, **archive.model_dump()}
    size = size_text(archive.size_bytes)
    answer(context, document, lambda: [f"{folder}: {_images(archive.images)}, {size}"])


@command.command("load", short_help="Bring saved images into the engine.")
@folder_argument
@common_options
@click.pass_obj
def load(context: Context, /, folder: Path) -> None:
    """Load the images that "stagerun images save" wrote into DIR, and verify their digests."""
    from runner.host.image_archives import load_images

    archive = load_images(context.engine, folder)
    document = {"schema_version": 1, "folder": folder, **archive.model_dump()}
    answer(context, document, lambda: [f"{_images(archive.images)} loaded, as they were saved"])


@command.command("collect", short_help="Gather what builds need of the network.")
@folder_argument
@stages_argument
@common_options
@click.pass_obj
def collect_(context: Context, /, folder: Path, stages: tuple[str, ...]) -> None:
    """Gather in DIR the Debian image, packages and wheels that builds of the STAGEs need.

    "stagerun build --offline DIR" then builds without network, on this machine or another one.
    """
    from runner.host.collecting import collect

    recipes = _stage_recipes(context, stages)
    with context.observing() as emit:
        found = collect(context.project, context.engine, recipes, folder, emit).index
    tell_done(
        context, f"{folder}: {len(found.files)} files for {_images(found.images)}, and Debian"
    )


registry_argument = click.argument("registry", metavar="REGISTRY")


@command.command("push", short_help="Push images to a registry.")
@registry_argument
@stages_argument
@common_options
@click.pass_obj
def push(context: Context, /, registry: str, stages: tuple[str, ...]) -> None:
    """Push the images of the STAGEs (all without any) to REGISTRY, such as host:5000/films.

    Who needs a password there: docker login REGISTRY.
    """
    from runner.host.image_registry import check_registry, push_images

    where = check_registry(registry)
    images = _made_by(context, stages)
    found = push_images(context.engine, images, where, _told(context))
    document = {"schema_version": 1, "registry": where, "images": found}
    answer(context, document, lambda: [f"{where}: {_images(found)} pushed"])


@command.command("pull", short_help="Pull images from a registry.")
@registry_argument
@stages_argument
@common_options
@click.pass_obj
def pull(context: Context, /, registry: str, stages: tuple[str, ...]) -> None:
    """Pull the images of the STAGEs (all without any) from REGISTRY, where push brought them.

    They get their names of this project; those that are older than the sources here are named.
    """
    from runner.host.image_registry import check_registry, pull_images

    where = check_registry(registry)
    recipes = _stage_recipes(context, stages)
    found = pull_images(context.engine, recipes, where, _told(context))
    document = {"schema_version": 1, "registry": where, "images": found}
    old = [f"{item.image} is {item.reason}: stagerun build" for item in found if item.reason]
    answer(context, document, lambda: [f"{where}: {_images(found)} pulled", *old])


def _told(context: Context) -> Observer:
    """What tells of each image on the way, unless only the result is wanted."""
    return (lambda _: None) if context.quiet else tell_notices


def _images(images: Sized) -> str:
    return f"{len(images)} image{'s' if len(images) != 1 else ''}"
