"""What images a project has on this engine, what they share, and what builds have replaced."""

import time
from dataclasses import dataclass

from runner.host.base_image import BOOTSTRAP_IMAGE, REGISTRY_IMAGE
from runner.host.engine import DockerEngine, Image
from runner.host.image_layers import Layers, image_layers, shared_bytes, size_once
from runner.host.images import Condition, every_image, plan, replaced_images
from runner.host.recipe import Recipe, with_parents
from runner.host.recipes import Recipes
from runner.project.pipeline import Project


@dataclass(frozen=True, kw_only=True)
class ListedImage:
    """One image of a project; an image that is missing has neither digest nor age, and no size.

    ``shared_bytes`` is what at least one other image of the project has as well.
    """

    image: str
    kind: str
    condition: Condition
    reason: str = ""
    digest: str | None = None
    size_bytes: int = 0
    shared_bytes: int = 0
    age_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class ImageList:
    """A project's images, their size with shared layers counted once, and what can go."""

    images: tuple[ListedImage, ...]
    size_bytes: int
    replaced: tuple[Image, ...]


def list_images(project: Project, engine: DockerEngine, now: float | None = None) -> ImageList:
    """All images that the project can have, parents and all variants included.

    An image is stale when a build would make it anew. Raises SpecError or EngineError.
    """
    recipes = project_recipes(project)
    reasons = {
        step.image: step.reason
        for step in plan(project, engine, every_image(project.stages.values()))
    }
    bases = [name for name in (REGISTRY_IMAGE, BOOTSTRAP_IMAGE) if engine.image(name) is not None]
    kinds = dict.fromkeys(bases, "base") | {item.image: item.kind for item in recipes}
    layers = {
        image: image_layers(engine, image) for image in kinds if engine.image(image) is not None
    }
    now = time.time() if now is None else now
    return ImageList(
        images=tuple(
            _listed(engine, image, kind, layers, reasons.get(image, ""), now)
            for image, kind in kinds.items()
        ),
        size_bytes=size_once(layers.values()),
        replaced=tuple(replaced_images(engine)),
    )


def project_recipes(project: Project) -> list[Recipe]:
    """How all images of a project are made, all parents before the stages."""
    recipes = Recipes(project)
    stages = every_image(project.stages.values())
    found = with_parents(recipes.stage(stage, variant) for stage, variant in stages)
    return sorted(found, key=lambda recipe: recipe.kind != "parent")


def _listed(
    engine: DockerEngine,
    image: str,
    kind: str,
    layers: dict[str, Layers],
    reason: str,
    now: float,
) -> ListedImage:
    found = engine.image(image)
    if found is None:
        return ListedImage(
            image=image, kind=kind, condition=Condition.MISSING, reason="not built yet"
        )
    own = layers[image]
    return ListedImage(
        image=image,
        kind=kind,
        condition=Condition.STALE if reason else Condition.PRESENT,
        reason=reason,
        digest=found.digest,
        size_bytes=found.size_bytes,
        shared_bytes=shared_bytes(own, (them for name, them in layers.items() if name != image)),
        age_seconds=now - own[-1].created,
    )
