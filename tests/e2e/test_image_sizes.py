"""What the images take on the disk, layers that they share counted once."""

from collections.abc import Callable, Iterable
from typing import Final

import pytest

from runner.host.engine import DockerEngine
from runner.host.image_layers import image_layers, size_once
from runner.host.recipe import image_name
from runner.project.config import resolve_config
from runner.run.variant import allowed_variants
from tests.e2e.hand_offs import PROJECT

pytestmark = [pytest.mark.engine, pytest.mark.images]

MOST_EMBEDDED: Final = 1_200_000_000
MOST_ON_THE_CPU: Final = 2_000_000_000
ON_REQUEST: Final = ("asr-cuda", "demucs")


def embedded() -> list[str]:
    """The images that a fresh machine needs."""
    return [
        image_name(stage.id, allowed_variants(stage, resolve_config(stage, PROJECT))[0])
        for stage in PROJECT.stages.values()
    ]


def on_the_cpu() -> list[str]:
    """All images but the large ones, which are built on request only."""
    return [
        image_name(stage.id, variant)
        for stage in PROJECT.stages.values()
        for variant, parent in stage.parents.items()
        if parent.image not in ON_REQUEST
    ]


@pytest.mark.parametrize(
    ("kind", "images", "most"),
    [
        ("embedded engines", embedded(), MOST_EMBEDDED),
        ("with the production engines for the CPU", on_the_cpu(), MOST_ON_THE_CPU),
    ],
    ids=["embedded", "cpu"],
)
def test_the_images_fit_on_a_small_disk(
    engine: DockerEngine,
    record_property: Callable[[str, object], None],
    kind: str,
    images: Iterable[str],
    most: int,
) -> None:
    total = size_once(image_layers(engine, image) for image in images)
    record_property(f"images, {kind}", f"{total / 1e9:.2f} GB")
    assert total <= most


def test_every_stage_states_what_its_images_may_take() -> None:
    parents = [parent for stage in PROJECT.stages.values() for parent in stage.parents.values()]
    assert [parent.image for parent in parents if parent.image_size is None] == []
