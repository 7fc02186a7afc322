"""Which Debian packages an image's Dockerfile installs by the step ``apt-install``."""

import re
import shlex
from typing import Final

from runner.errors import SpecError
from runner.host.recipe import Recipe

SEPARATORS: Final = re.compile(r"&&|\|\||;")
STEP: Final = "/apt-install"


def wanted_packages(recipe: Recipe) -> tuple[str, ...]:
    """The packages of an image and of those below it.

    Raises SpecError for packages that are not written out.
    """
    below = wanted_packages(recipe.parent) if recipe.parent else ()
    found = dict.fromkeys(below)
    for command in _commands(recipe.dockerfile):
        for package in _packages(command):
            if "$" in package:
                msg = (
                    f"{recipe.place('Dockerfile')}: which package {package!r} is cannot be "
                    "known before the build; write the names out to collect them."
                )
                raise SpecError(msg)
            found[package] = None
    return tuple(found)


def _commands(dockerfile: str) -> list[str]:
    """The shell commands of all RUN instructions."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\s*\n", " ", "\n".join(lines))
    runs = re.findall(r"^\s*RUN\s+(.*)$", text, re.MULTILINE | re.IGNORECASE)
    return [command for run in runs for command in SEPARATORS.split(run)]


def _packages(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        # An open quote: the separator was inside of it, and this is no call of a step.
        return []
    place = next((index for index, word in enumerate(words) if word.endswith(STEP)), None)
    return [] if place is None else [word for word in words[place + 1 :] if word[0] != "-"]
