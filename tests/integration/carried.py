"""A small project with image names of its own, for tests that build and carry images."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from runner.host.engine import DockerEngine
from runner.host.images import replaced_images
from runner.host.recipe import image_name, parent_image
from tests.project_kit import ROOT, STAGE_CODE, STAGE_YAML, Kit

STAGE: Final = "91_carried"
PARENT: Final = "carried"


@contextmanager
def carried_project(folder: Path, engine: DockerEngine, dockerfile: str = "") -> Iterator[Kit]:
    """The project; with a ``dockerfile`` its stage has a parent of its own, else the base.

    Its images are removed at the end.
    """
    place = folder / "stages" / STAGE
    place.mkdir(parents=True)
    shutil.copytree(ROOT / "images", folder / "images")
    spec = STAGE_YAML.format(source="input/text")
    if dockerfile:
        spec = spec.replace("parent: base", f"parent: {PARENT}")
        (folder / "images" / PARENT).mkdir()
        (folder / "images" / PARENT / "Dockerfile").write_text(dockerfile)
    (place / "stage.yaml").write_text(spec)
    (place / "stage.py").write_text(STAGE_CODE.format(stage=STAGE))
    (folder / "stagerun.yaml").write_text("name: carried\n")
    try:
        yield Kit(folder)
    finally:
        remove_images(engine)


def remove_images(engine: DockerEngine) -> None:
    """Remove the project's images, those that were replaced, too."""
    left = [image.digest for image in replaced_images(engine) if image.name in (STAGE, PARENT)]
    for image in (image_name(STAGE), parent_image(PARENT), *left):
        if engine.image(image) is not None:
            engine.api.remove_image(image, force=True)
