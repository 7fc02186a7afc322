"""What may stand as ``command`` in ``stage.yaml``."""

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field

from runner.project.command import OWN_FILE


def _word(value: str) -> str:
    name = value.removeprefix(OWN_FILE)
    path = PurePosixPath(name)
    is_plain = str(path) == name and not path.is_absolute() and ".." not in path.parts
    if not value or "\0" in value or (value.startswith(OWN_FILE) and not is_plain):
        problem = f"{value!r} must be a word, or ./ and the plain name of a file of the stage"
        raise ValueError(problem)
    return value


Command = Annotated[list[Annotated[str, AfterValidator(_word)]], Field(min_length=1)]
