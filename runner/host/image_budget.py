"""Whether images keep to the sizes that their stages allow, and what is large where they do not."""

from collections.abc import Iterable
from typing import Final

from runner.errors import ImageMismatchError
from runner.host.engine import DockerEngine
from runner.host.image_layers import Layer, Layers, image_layers
from runner.host.images import StageImage
from runner.host.recipe import image_name
from runner.project.quantity import size_text

LARGEST: Final = 3
LONGEST_COMMAND: Final = 70


def check_sizes(engine: DockerEngine, images: Iterable[StageImage]) -> None:
    """Compare the images that are there with ``image_size`` of their stages.

    Raises ImageMismatchError, which names the largest layers of each image that is too large.
    """
    problems = []
    for stage, variant in images:
        name, most = image_name(stage.id, variant), stage.parents[variant].image_size
        if most is None or engine.image(name) is None:
            continue
        layers = image_layers(engine, name)
        # Not the engine's own figure: newer ones add the compressed copy that they keep.
        size = sum(layer.size_bytes for layer in layers)
        if size > most:
            problems.append(
                f"{name} takes {size_text(size)}, more than the image_size of {size_text(most)} "
                f"in {stage.file}. {largest_layers(layers)} Install less, or raise image_size."
            )
    if problems:
        raise ImageMismatchError("\n".join(problems))


def largest_layers(layers: Layers) -> str:
    """The largest layers of an image as a sentence."""
    chosen = sorted(layers, key=lambda layer: layer.size_bytes, reverse=True)[:LARGEST]
    texts = [
        f"{size_text(layer.size_bytes)} by {_command(layer)}"
        for layer in chosen
        if layer.size_bytes
    ]
    return f"Its largest layers: {'; '.join(texts)}."


def _command(layer: Layer) -> str:
    words = " ".join(layer.command.removesuffix("# buildkit").split())
    words = words.removeprefix("RUN ").removeprefix("/bin/sh -c ")
    if len(words) > LONGEST_COMMAND:
        words = f"{words[:LONGEST_COMMAND]}…"
    return words or "the Debian below"
