"""A file system with little room."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

PAGE: Final = 4096
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system")


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[None]:
    """A file system in memory for the time of the block."""
    options = ["-t", "tmpfs", "-o", f"size={size}", "stagerun-test"]
    subprocess.run(["mount", *options, place], check=True, timeout=20)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True, timeout=20)


def fill(path: Path, leave_pages: int = 0) -> None:
    """Write a file until nothing more fits, and give some pages back."""
    with path.open("wb", buffering=0) as file:
        with suppress(OSError):
            while file.write(bytes(PAGE)) == PAGE:
                pass
        size = os.fstat(file.fileno()).st_size // PAGE * PAGE
        file.truncate(max(0, size - leave_pages * PAGE))
