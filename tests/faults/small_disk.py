"""A file system with little room."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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
