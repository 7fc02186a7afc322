"""Which files a piece of code opens, as the interpreter itself reports it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Opens:
    """Notes every path that is opened while it is active."""

    active: bool = False
    paths: list[Path] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.active and event == "open" and isinstance(arguments[0], str | os.PathLike):
            self.paths.append(Path(arguments[0]))


OPENS = Opens()
# An audit hook stays for the life of the process; this one notes nothing while it is not active.
sys.addaudithook(OPENS)


@contextmanager
def opened() -> Iterator[list[Path]]:
    """The paths that the block opens, in their order."""
    paths: list[Path] = []
    OPENS.paths = paths
    OPENS.active = True
    try:
        yield paths
    finally:
        OPENS.active = False
