"""What a stage's container starts: the words of ``command`` in ``stage.yaml``."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OWN_FILE: Final = "./"
"""How a word begins that names a file of the stage's folder."""

PYTHON_PROGRAM: Final = ("python3", f"{OWN_FILE}stage.py")
"""What starts a stage whose spec names no command."""


@dataclass(frozen=True)
class Command:
    """The words of a command; those that begin with ``./`` are files of the stage."""

    words: tuple[str, ...] = PYTHON_PROGRAM

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the stage's files among the words."""
        own = (word for word in self.words if word.startswith(OWN_FILE))
        return tuple(word.removeprefix(OWN_FILE) for word in own)

    def inside(self, folder: str) -> list[str]:
        """The words where the stage's folder is called ``folder``, as in its image."""
        return [
            f"{folder}/{word.removeprefix(OWN_FILE)}" if word.startswith(OWN_FILE) else word
            for word in self.words
        ]

    def problem(self, folder: Path) -> str | None:
        """Why the command cannot be started with the files of a folder; None when it can."""
        return next(self._problems(folder), None)

    def _problems(self, folder: Path) -> Iterator[str]:
        for name in self.files:
            if not (folder / name).is_file():
                yield f"the stage is started by {' '.join(self.words)}, and there is no {name}"
        first = folder / self.words[0]
        if self.words[0].startswith(OWN_FILE) and not os.access(first, os.X_OK):
            yield f"{first.name} starts the stage and is not executable: chmod +x {first}"
