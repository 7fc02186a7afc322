"""The project's images: whether they are there and as new as their sources, and what to build."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from runner.errors import ImageMissingError
from runner.host.engine import DockerEngine, Engine, Image
from runner.host.engine_errors import translated
from runner.host.recipe import BASE, KIND, NAME, PARENT, SOURCES, Recipe
from runner.host.recipes import Recipes
from runner.project.pipeline import Project
from runner.project.stage import MAIN, StageSpec

StageImage = tuple[StageSpec, str]
"""A stage and one of its variants."""


class Condition(StrEnum):
    """How an image stands to its sources."""

    PRESENT = "present"
    MISSING = "missing"
    STALE = "stale"


@dataclass(frozen=True, kw_only=True)
class ImageState:
    """One image as it is; ``reason`` says why it is not simply present."""

    image: str
    condition: Condition
    reason: str = ""
    digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class BuildStep:
    """An image to build, and why."""

    recipe: Recipe
    reason: str

    @property
    def image(self) -> str:
        """The name that the image will have."""
        return self.recipe.image


def image_state(
    recipes: Recipes, engine: Engine, stage: StageSpec, variant: str = MAIN
) -> ImageState:
    """Whether a stage's image is there and made of the sources that the recipes were read from."""
    recipe = recipes.stage(stage, variant)
    return recipe_state(recipe, engine.image(recipe.image))


def recipe_state(recipe: Recipe, found: Image | None) -> ImageState:
    """How an image that was found, or None, stands to its recipe."""
    if found is None:
        return ImageState(image=recipe.image, condition=Condition.MISSING, reason="not built yet")
    if found.labels.get(SOURCES) == recipe.digest:
        return ImageState(image=recipe.image, condition=Condition.PRESENT, digest=found.digest)
    changed = recipe.changed_file(found.labels)
    if changed is None:
        changed = f"its parent image {recipe.parent.name}" if recipe.parent else "its sources"
    return ImageState(
        image=recipe.image,
        condition=Condition.STALE,
        reason=f"older than {changed}",
        digest=found.digest,
    )


def every_image(stages: Iterable[StageSpec]) -> list[StageImage]:
    """The images of all variants of these stages."""
    return [(stage, variant) for stage in stages for variant in stage.parents]


def plan(
    project: Project, engine: Engine, images: Iterable[StageImage], *, force: bool = False
) -> list[BuildStep]:
    """What has to be built for these images, parents first; with ``force`` all of it.

    Raises SpecError.
    """
    recipes = Recipes(project)
    planner = _Planner(engine, project.settings.base, force=force)
    for stage, variant in images:
        planner.add(recipes.stage(stage, variant))
    return list(planner.steps.values())


class _Planner:
    def __init__(self, engine: Engine, base: str, *, force: bool) -> None:
        self._engine = engine
        self._base = base
        self._force = force
        self._seen: set[str] = set()
        self.steps: dict[str, BuildStep] = {}

    def add(self, recipe: Recipe) -> None:
        """Add an image, and first whatever below it is needed for that."""
        if recipe.image in self._seen:
            return
        self._seen.add(recipe.image)
        found = self._engine.image(recipe.image)
        reason = "asked for" if self._force else self._reason(recipe, found)
        if reason:
            if recipe.parent:
                self.add(recipe.parent)
            self.steps[recipe.image] = BuildStep(recipe=recipe, reason=reason)

    def _reason(self, recipe: Recipe, found: Image | None) -> str:
        state = recipe_state(recipe, found)
        if found is None or state.condition is not Condition.PRESENT:
            return state.reason
        if recipe.name == BASE and recipe.kind == "parent":
            # Only a plan needs it; a run that looks at one image starts quicker without.
            from runner.host.base_image import BOOTSTRAP_IMAGE, DEBIAN, REGISTRY_IMAGE

            wanted = {"registry": REGISTRY_IMAGE, "bootstrap": BOOTSTRAP_IMAGE}.get(self._base)
            if wanted and found.labels.get(DEBIAN, wanted) != wanted:
                return f"base: {self._base} in stagerun.yaml"
        return self._newer_parent(recipe, found) if recipe.parent else ""

    def _newer_parent(self, recipe: Recipe, found: Image) -> str:
        """The reason when an image's parent was, or has to be, built again.

        A parent that is gone is no reason: the image holds its layers.
        """
        below = recipe.parent
        parent = self._engine.image(below.image) if below else None
        if below is None or parent is None:
            return ""
        self.add(below)
        then = found.labels.get(PARENT, parent.digest)
        if below.image in self.steps or parent.digest != then:
            return f"older than its parent image {below.name}"
        return ""


def image_ids(engine: Engine, images: Mapping[str, str]) -> dict[str, str]:
    """The ids of images; ``images`` has for each name the command that makes it.

    Raises ImageMissingError.
    """
    ids = {}
    for name, made_by in images.items():
        found = engine.image(name)
        if found is None:
            msg = f"there is no image {name}. Make it: {made_by}"
            raise ImageMissingError(msg)
        ids[name] = found.digest
    return ids


def replaced_images(engine: DockerEngine) -> list[Image]:
    """Images of ours that have lost their name to a newer build."""
    with translated(engine.address):
        found = engine.api.images(filters={"dangling": True, "label": [KIND]})
    return [
        Image(
            name=(item.get("Labels") or {}).get(NAME, ""),
            digest=item["Id"],
            size_bytes=item.get("Size") or 0,
            labels=item.get("Labels") or {},
        )
        for item in found
    ]
