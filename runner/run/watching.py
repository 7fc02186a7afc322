"""A folder in which films and jobs arrive: which of them are there in full.

What is still being copied is left alone: names by which programs mark what is not finished, files
that change, and files that a process has open for writing.
"""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from runner.errors import StagerunError, UsageError
from runner.host.open_files import written_to
from runner.job.folder import find_job

UNFINISHED: Final = (".part", ".partial", ".tmp", ".crdownload", ".download", "~")


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A film or a job directory that is there in full, and what it is like."""

    path: Path
    stamp: str
    is_job: bool


@dataclass(eq=False)
class WatchedFolder:
    """Looks into a folder again and again; ``writers`` says which files are being written to."""

    folder: Path
    settle_seconds: float
    writers: Callable[[Collection[Path]], set[Path]] = written_to
    clock: Callable[[], float] = time.monotonic
    _seen: dict[Path, tuple[str, float]] = field(default_factory=dict)
    _settled: dict[Path, str] = field(default_factory=dict)
    _not_before: dict[Path, float] = field(default_factory=dict)

    def look(self) -> list[Arrival]:
        """What is there in full and was not dealt with, as it is now. Raises UsageError."""
        now, ready, there = self.clock(), [], set()
        for path, files, is_job in self._places():
            there.add(path)
            stamp = stamp_of(files)
            if stamp is None or self._settled.get(path) == stamp:
                continue
            if self._seen.get(path, ("", 0.0))[0] != stamp:
                self._seen[path] = (stamp, now)
            is_quiet = now - self._seen[path][1] >= self.settle_seconds
            if is_quiet and now >= self._not_before.get(path, now) and not self.writers(files):
                ready.append(Arrival(path=path, stamp=stamp, is_job=is_job))
        for known in (self._seen, self._settled, self._not_before):
            _forget_all_but(there, known)
        return ready

    def settle(self, arrival: Arrival) -> None:
        """Leave a film or job alone from now on, until it changes."""
        self._settled[arrival.path] = arrival.stamp

    def postpone(self, arrival: Arrival, seconds: float) -> None:
        """Look at it again after some time."""
        self._settled.pop(arrival.path, None)
        self._not_before[arrival.path] = self.clock() + seconds

    def _places(self) -> Iterator[tuple[Path, list[Path], bool]]:
        """What could be a film or a job, with the files that make it so."""
        try:
            paths = sorted(self.folder.iterdir())
        except OSError as problem:
            msg = (
                f"the folder {self.folder} cannot be watched: {problem.strerror}. "
                "Check its name, its owner and whether its disk is mounted."
            )
            raise UsageError(msg) from None
        for path in paths:
            if path.name.startswith(".") or path.name.lower().endswith(UNFINISHED):
                continue
            if _is_file(path):
                yield path, [path], False
            elif _is_file(path / "job.yaml"):
                yield path, files_of_job(path), True


def _forget_all_but(there: Collection[Path], known: dict[Path, Any]) -> None:
    for path in known.keys() - set(there):
        del known[path]


def _is_file(path: Path) -> bool:
    """Whether there is one that can be looked at: folders of others may be closed."""
    try:
        return path.is_file()
    except OSError:
        return False


def files_of_job(place: Path) -> list[Path]:
    """The files that make a job what it is: job.yaml and its inputs, wherever they lie."""
    try:
        job = find_job(place)
        inputs = [job.references.get(name, job.input / file) for name, file in job.inputs.items()]
    except (StagerunError, OSError):
        inputs = []
    return [place / "job.yaml", *inputs]


def stamp_of(files: Collection[Path]) -> str | None:
    """What files are like, without reading them; None where one is absent or no regular file.

    Devices and inodes may have other numbers after a restart.
    """
    digest = hashlib.sha256()
    for path in files:
        try:
            status = path.stat()
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        facts = (status.st_size, status.st_mtime_ns)
        digest.update(os.fsencode(path.name) + repr(facts).encode())
    return digest.hexdigest()
