"""Which files other processes write to, as far as ``/proc`` tells."""

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from runner.host.machine import ROOT

FLAGS: Final = "flags:"


def written_to(paths: Collection[Path], root: Path = ROOT) -> set[Path]:
    """Those of these files that another process has open for writing.

    Processes of other users are seen by root alone, and those of other machines by nobody.
    """
    wanted: dict[tuple[int, int], list[Path]] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            wanted.setdefault((status.st_dev, status.st_ino), []).append(path)
    found: set[Path] = set()
    if wanted:
        for descriptor in _descriptors(root / "proc"):
            with contextlib.suppress(OSError, ValueError):
                status = descriptor.stat()
                same = wanted.get((status.st_dev, status.st_ino))
                if same and _is_for_writing(descriptor):
                    found.update(same)
    return found


def _descriptors(proc: Path) -> Iterator[Path]:
    own = str(os.getpid())
    with contextlib.suppress(OSError):
        for process in proc.iterdir():
            if process.name.isdigit() and process.name != own:
                with contextlib.suppress(OSError):
                    yield from (process / "fd").iterdir()


def _is_for_writing(descriptor: Path) -> bool:
    """Read the flags, in octal. Raises OSError or ValueError."""
    info = descriptor.parent.parent / "fdinfo" / descriptor.name
    for line in info.read_text().splitlines():
        if line.startswith(FLAGS):
            return bool(int(line.removeprefix(FLAGS), 8) & os.O_ACCMODE)
    return False
