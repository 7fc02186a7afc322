"""A folder in which films and jobs arrive: which of them are there in full.

What is still being copied is left alone: names by which programs mark what is not finished, files
that change, and files that a process has open for writing. So is what lies beside films, as covers
and descriptions do.
"""

import glob
import hashlib
import os
import shlex
import stat
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from runner.errors import StagerunError, UsageError
from runner.host.open_files import written_to
from runner.job.folder import find_job
from runner.run.films import is_file, is_film

UNFINISHED: Final = (
    ".part", ".partial", ".filepart", ".tmp", ".crdownload", ".download", ".opdownload", ".aria2",
    ".!qb", "~",
)  # fmt: skip
"""How the names end of what browsers and other programs have not finished yet."""

CONTROL: Final = ".aria2"
"""Such a file beside another one says that the other one is not finished."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A film or a job directory that is there in full, what it is like, and the files of it."""

    path: Path
    stamp: str
    is_job: bool
    files: tuple[Path, ...]


@dataclass(eq=False)
class WatchedFolder:
    """Looks into a folder again and again; ``writers`` says which files are being written to.

    Of files those are taken whose names fit one of the patterns in ``only``; without any, films.
    One thread looks; any may settle or postpone.
    """

    folder: Path
    settle_seconds: float
    writers: Callable[[Collection[Path]], set[Path]] = written_to
    clock: Callable[[], float] = time.monotonic
    only: tuple[str, ...] = ()
    _seen: dict[Path, tuple[str, float]] = field(default_factory=dict)
    _settled: dict[Path, str] = field(default_factory=dict)
    _not_before: dict[Path, tuple[str, float]] = field(default_factory=dict)
    _jobs: dict[Path, tuple[tuple[int, int], tuple[Path, ...]]] = field(default_factory=dict)
    _left: set[str] = field(default_factory=set)
    _news: list[str] = field(default_factory=list)

    def look(self, stopped: Callable[[], bool] = lambda: False) -> list[Arrival]:
        """What is there in full and was not dealt with, as it is now; nothing when ``stopped``.

        Raises UsageError.
        """
        quiet, there = [], set()
        for path, files, is_job in self._places():
            if stopped():
                return []
            there.add(path)
            stamp = stamp_of(files)
            if stamp is None or not self._is_quiet(path, stamp):
                continue
            arrival = Arrival(path=path, stamp=stamp, is_job=is_job, files=files)
            if is_job or self._is_taken(path.name):
                quiet.append(arrival)
            else:
                self._leave(arrival)
        for known in (self._seen, self._settled, self._not_before, self._jobs):
            _forget_all_but(there, known)
        written = self.writers([file for arrival in quiet for file in arrival.files])
        return [arrival for arrival in quiet if written.isdisjoint(arrival.files)]

    def news(self) -> list[str]:
        """What is to be told since it was last asked for: which endings are left alone, once."""
        news, self._news = self._news, []
        return news

    def is_as_it_was(self, arrival: Arrival) -> bool:
        """Whether an arrival is what it was when it was looked at, and nobody writes to it."""
        return is_same(arrival) and not self.writers(arrival.files)

    def settle(self, arrival: Arrival) -> None:
        """Leave a film or job alone from now on, until it changes."""
        self._settled[arrival.path] = arrival.stamp

    def postpone(self, arrival: Arrival, seconds: float) -> None:
        """Look at it again after some time, or when it has changed."""
        self._not_before[arrival.path] = (arrival.stamp, self.clock() + seconds)
        self._settled.pop(arrival.path, None)

    def _is_taken(self, name: str) -> bool:
        if not self.only:
            return is_film(name)
        return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in self.only)

    def _leave(self, arrival: Arrival) -> None:
        """Settle a file that is not asked for; the first of each ending is told."""
        self.settle(arrival)
        name, ending = arrival.path.name, arrival.path.suffix.lower()
        if ending in self._left:
            return
        self._left.add(ending)
        kind = f"ends in {ending}" if ending else "has no ending"
        if self.only:
            why, how = " and fits no --only: ", ", too"
        else:
            why, how = ": it is neither film nor sound. ", " in place of films"
        pattern = shlex.quote(f"*{glob.escape(ending)}" if ending else glob.escape(name))
        self._news.append(
            f"{name} is left alone in {self.folder}, as is what else {kind}{why}"
            f"--only {pattern} takes it{how}."
        )

    def _is_quiet(self, path: Path, stamp: str) -> bool:
        """Whether it has stayed the same for long enough, and it is time to deal with it."""
        now = self.clock()
        if self._settled.get(path) == stamp:
            return False
        if self._seen.get(path, ("", 0.0))[0] != stamp:
            self._seen[path] = (stamp, now)
        postponed, until = self._not_before.get(path, ("", 0.0))
        has_settled = now - self._seen[path][1] >= self.settle_seconds
        return has_settled and (postponed != stamp or now >= until)

    def _places(self) -> Iterator[tuple[Path, tuple[Path, ...], bool]]:
        """What could be a film or a job, with the files that make it so."""
        try:
            paths = sorted(self.folder.iterdir())
        except OSError as problem:
            msg = (
                f"the folder {self.folder} cannot be watched: {problem.strerror}. "
                "Check its name, its owner and whether its disk is mounted."
            )
            raise UsageError(msg) from None
        names = {path.name.lower() for path in paths}
        for path in paths:
            name = path.name.lower()
            if name.startswith(".") or name.endswith(UNFINISHED) or name + CONTROL in names:
                continue
            if is_file(path):
                yield path, (path,), False
            elif is_file(path / "job.yaml"):
                yield path, self._files_of_job(path), True

    def _files_of_job(self, place: Path) -> tuple[Path, ...]:
        """Those of a job whose job.yaml is read again only when it has changed."""
        try:
            status = (place / "job.yaml").stat()
        except OSError:
            return files_of_job(place)
        mark = (status.st_mtime_ns, status.st_size)
        known = self._jobs.get(place)
        if known is not None and known[0] == mark:
            return known[1]
        files = files_of_job(place)
        if len(files) > 1:  # what could not be read may be read the next time
            self._jobs[place] = (mark, files)
        return files


def _forget_all_but(there: Collection[Path], known: dict[Path, Any]) -> None:
    for path in tuple(known):
        if path not in there:
            known.pop(path, None)


def files_of_job(place: Path) -> tuple[Path, ...]:
    """The files that make a job what it is: job.yaml and its inputs, wherever they lie."""
    try:
        job = find_job(place)
        inputs = [job.references.get(name, job.input / file) for name, file in job.inputs.items()]
    except (StagerunError, OSError, ValueError, RuntimeError):
        inputs = []  # who takes it will say what is wrong
    return (place / "job.yaml", *inputs)


def is_same(arrival: Arrival) -> bool:
    """Whether the files of an arrival are what they were when it was looked at."""
    return stamp_of(arrival.files) == arrival.stamp


def stamp_of(files: Collection[Path]) -> str | None:
    """What files are like, without reading them; None where one is absent or no regular file.

    Devices and inodes may have other numbers after a restart.
    """
    digest = hashlib.sha256()
    for path in files:
        try:
            status = path.stat()
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        facts = (status.st_size, status.st_mtime_ns)
        digest.update(os.fsencode(path.name) + repr(facts).encode())
    return digest.hexdigest()
