"""The home of the user who calls."""

import os
from collections.abc import Callable
from pathlib import Path


def home_folder(home: Callable[[], Path] = Path.home) -> Path:
    """The home; for a user whom the system does not know, a path below which nothing can be."""
    try:
        return home()
    except RuntimeError:
        return Path(os.devnull)
