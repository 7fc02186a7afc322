"""The layers of images, and how much of an image others have as well."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from runner.host.engine import DockerEngine
from runner.host.engine_errors import translated


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What one step of a build added: when (seconds since 1970), by which command, bytes."""

    created: int
    command: str
    size_bytes: int


Layers = tuple[Layer, ...]


def image_layers(engine: DockerEngine, image: str) -> Layers:
    """The layers of an image, the lowest first. Raises ImageMissingError."""
    with translated(engine.address):
        history: list[dict[str, Any]] = engine.api.history(image)  # type: ignore[no-untyped-call]  # the SDK has no types here
    return tuple(
        Layer(created=step["Created"], command=step["CreatedBy"] or "", size_bytes=step["Size"])
        for step in reversed(history)
    )


def shared_bytes(layers: Layers, others: Iterable[Layers]) -> int:
    """How many bytes of an image at least one of the others has, too."""
    return max((_size(_common(layers, other)) for other in others), default=0)


def size_once(images: Iterable[Layers]) -> int:
    """The bytes of several images together, layers that they share counted once."""
    # Two images share a layer where all below it is the same.
    stacks = {layers[: number + 1] for layers in images for number in range(len(layers))}
    return sum(stack[-1].size_bytes for stack in stacks)


def _common(one: Layers, other: Layers) -> Layers:
    pairs = zip(one, other, strict=False)
    count = next((number for number, (a, b) in enumerate(pairs) if a != b), None)
    return one[: min(len(one), len(other)) if count is None else count]


def _size(layers: Layers) -> int:
    return sum(layer.size_bytes for layer in layers)
