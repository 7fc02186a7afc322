"""What a stage's image can import: the standard library, and what its parents pin."""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from runner.errors import SpecError
from runner.host.recipe import Recipe
from runner.host.recipes import HOUSE, Recipes
from runner.project.pipeline import Project
from runner.project.settings import load_settings
from runner.project.stage import StageSpec

OTHER_NAMES: Final = {
    "beautifulsoup4": "bs4",
    "grpcio": "grpc",
    "nvidia_ml_py": "pynvml",
    "opencv_python": "cv2",
    "opencv_python_headless": "cv2",
    "pillow": "PIL",
    "python_dateutil": "dateutil",
    "pyyaml": "yaml",
    "scikit_learn": "sklearn",
}
"""Packages that are imported by another name than their own."""

PINNED: Final = re.compile(r"(?<![\w.-])([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==")
DEBIAN: Final = re.compile(r"\bpython3-([a-z0-9.+-]+)")


def installed_names(project: Project, stage: StageSpec) -> frozenset[str]:
    """The names that can be imported in any variant of the stage's image. Raises SpecError."""
    recipes = Recipes(project)
    return _with_parents([recipes.stage(stage, variant).parent for variant in stage.parents])


def known_names(stage: StageSpec) -> frozenset[str] | None:
    """The same for a stage outside of a project, whose parents are stagerun's own; else None."""
    recipes = Recipes(Project(root=HOUSE, settings=load_settings(HOUSE), stages={}))
    try:
        return _with_parents([recipes.parent(item.image) for item in stage.parents.values()])
    except SpecError:
        return None


def _with_parents(recipes: Iterable[Recipe | None]) -> frozenset[str]:
    names = set(sys.stdlib_module_names)
    for top in recipes:
        recipe = top
        while recipe is not None:
            names.update(_names(recipe))
            recipe = recipe.parent
    return frozenset(names)


def _names(recipe: Recipe) -> Iterator[str]:
    locks = [file.source for file in recipe.files if file.path == "requirements.lock"]
    texts = [
        lock.read_text(errors="replace") if isinstance(lock, Path) else lock.decode()
        for lock in locks
    ]
    for text in (*texts, recipe.dockerfile):
        for name in (*PINNED.findall(text), *DEBIAN.findall(text)):
            plain = re.sub(r"[-.]+", "_", name).lower()
            yield OTHER_NAMES.get(plain, plain)
