"""Filling templates, and putting what comes of them in its place, whole or not at all."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Final

from runner.errors import UsageError

FILES: Final = Path(__file__).with_name("files")
SUFFIX: Final = ".in"
DOT: Final = "dot_"
"""Hidden files have no dot in their templates, so that tools don't take these for their own."""


def filled(name: str, values: Mapping[str, str]) -> str:
    """The text of one template."""
    return Template((FILES / name).read_text(encoding="utf-8")).substitute(values)


def filled_folder(name: str, values: Mapping[str, str]) -> dict[str, str]:
    """The texts of all templates in a folder, by the path that each is to have."""
    found = {}
    for path in sorted((FILES / name).rglob(f"*{SUFFIX}")):
        inside = path.relative_to(FILES)
        parts = [_real_name(part) for part in inside.relative_to(name).parts]
        found["/".join(parts).removesuffix(SUFFIX)] = filled(str(inside), values)
    return found


def _real_name(part: str) -> str:
    return f".{part.removeprefix(DOT)}" if part.startswith(DOT) else part


def put_down(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Make a folder with these files. Raises UsageError when that is not possible."""
    unfinished = folder.with_name(f".{folder.name}.{os.urandom(4).hex()}")
    try:
        for name, content in files.items():
            path = unfinished / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        unfinished.rename(folder)
    except OSError as problem:
        shutil.rmtree(unfinished, ignore_errors=True)
        msg = f"{folder} cannot be made: {problem.strerror}. Look at its owner and its disk."
        raise UsageError(msg) from None
