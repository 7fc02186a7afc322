"""Which packages a Dockerfile installs, as far as that can be read."""

from pathlib import Path

import pytest

from runner.errors import SpecError
from runner.host.build_context import ContextFile
from runner.host.recipe import Recipe
from runner.host.recipes import HOUSE, Recipes
from runner.host.wanted_packages import wanted_packages
from runner.project.pipeline import load_project


def recipe(dockerfile: str, parent: Recipe | None = None) -> Recipe:
    return Recipe(
        image="i",
        kind="parent",
        name="n",
        title="",
        description="",
        files=(ContextFile(path="Dockerfile", source=dockerfile.encode()),),
        parent=parent,
    )


@pytest.mark.parametrize(
    ("dockerfile", "packages"),
    [
        ("FROM x\nRUN --mount=a,b /run/steps/apt-install one two\n", "one two"),
        ("RUN A=b /run/steps/apt-install '--path-exclude=/usr/*' one\\\n two && x", "one two"),
        ("RUN apt-get update && /run/steps/apt-install one; echo 'a && b'", "one"),
        ("# RUN /run/steps/apt-install none\nCOPY a /run/steps/apt-install\n", ""),
        ("RUN /run/steps/apt-install one \\\n# a word on it\n    two\n", "one two"),
    ],
)
def test_packages_are_the_words_behind_the_step(dockerfile: str, packages: str) -> None:
    assert " ".join(wanted_packages(recipe(dockerfile))) == packages


def test_an_image_needs_what_those_below_it_need() -> None:
    below = recipe("RUN /run/steps/apt-install python3")
    above = recipe("RUN /run/steps/apt-install ffmpeg python3", below)
    assert wanted_packages(above) == ("python3", "ffmpeg")


def test_a_name_that_only_the_build_knows_is_refused() -> None:
    with pytest.raises(SpecError, match="write the names out"):
        wanted_packages(recipe("ARG TOOL\nRUN /run/steps/apt-install ${TOOL}"))


def test_every_package_of_the_house_is_found() -> None:
    recipes = Recipes(load_project(HOUSE))
    names = [path.parent.name for path in Path(HOUSE, "images").glob("*/Dockerfile")]
    found = {package for name in names for package in wanted_packages(recipes.parent(name))}
    assert {"python3", "ca-certificates", "ffmpeg", "apertium-eng-cat", "binutils"} <= found
    assert not any("/" in package for package in found)
