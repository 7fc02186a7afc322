"""Which files are films, as far as their names tell."""

import contextlib
from pathlib import Path
from typing import Final

FILMS: Final = (
    ".mkv", ".mk3d", ".mp4", ".m4v", ".f4v", ".mov", ".qt", ".avi", ".divx", ".webm",
    ".ts", ".m2ts", ".mts", ".m2v", ".mpg", ".mpeg", ".vob", ".wmv", ".asf", ".flv", ".rm", ".rmvb",
    ".ogv", ".ogm", ".3gp", ".3g2", ".mxf", ".dv",
    ".mka", ".m4a", ".m4b", ".mp2", ".mp3", ".wav", ".w64", ".flac", ".ogg", ".oga", ".opus",
    ".aac", ".ac3", ".eac3", ".dts", ".wma", ".aif", ".aiff", ".caf", ".amr", ".ape", ".wv",
)  # fmt: skip
"""How the names of films and of sound end, in any case: what is taken unless other names are."""


def is_film(name: str) -> bool:
    """Whether a name is that of a film or of sound."""
    return name.lower().endswith(FILMS)


def is_file(path: Path) -> bool:
    """Whether there is a file; what cannot be looked at, as in a closed folder, is none."""
    with contextlib.suppress(OSError):
        return path.is_file()
    return False
