"""What a result depends on, and whether the files on disk are still those that were hashed.

A fingerprint is the digest over named components: image, configuration, inputs, models, the
declared contract. Limits and GPUs granted are not among them: they change how a stage runs, not
what it is asked for. Comparing two sets of components names the first that differs.
"""

import contextlib
import errno
import hashlib
import json
import os
import stat
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.job.folder import CACHE, Job

FORMAT: Final = 1
CHUNK: Final = 1 << 20
BLOCK: Final = 512
DEEPEST: Final = 200
"""Folders within folders; the chain of a file's folders costs the square of its length."""

MOST_LETTERS: Final = 8 << 20
"""Bytes of all names below a folder, each with the folders that it lies in."""

SMALLEST_HOLLOW: Final = 1 << 30
MOST_COMPRESSED: Final = 16
"""A file system may keep less of a file than its size by packing it, though hardly so much less."""


def fingerprint(components: Mapping[str, str]) -> str:
    """The digest over all components and the format version."""
    text = json.dumps([FORMAT, sorted(components.items())], ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def difference(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The first component that differs, as name, old value and new value."""
    for name in (*new, *(name for name in old if name not in new)):
        before, after = old.get(name, "not there"), new.get(name, "not there")
        if before != after:
            return name, before, after
    return None


def text_digest(text: str) -> str:
    """The digest of a text."""
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def file_digest(path: Path) -> str:
    """The digest of a file's bytes. Raises OSError."""
    digest = hashlib.sha256()
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(view[:count])
    return "sha256:" + digest.hexdigest()


@dataclass
class DigestStore:
    """Digests of a job's files, remembered by inode, size, mtime and ctime.

    No file is hashed twice while those four stay the same.
    """

    job: Job
    _known: dict[str, list[object]] = field(default_factory=dict)
    _changed: bool = False
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        with contextlib.suppress(OSError, ValueError, RecursionError):
            kept = json.loads(self.file.read_bytes())
            self._known = kept if isinstance(kept, dict) else {}

    @property
    def file(self) -> Path:
        """Where the digests are kept."""
        return self.job.private / "digests.json"

    def digest(self, path: Path) -> str:
        """The digest of a file, hashed now only if it changed. Raises OSError."""
        key, identity = str(path), _identity(path)
        with self._guard:
            known = self._known.get(key)
        if isinstance(known, list) and known[:-1] == identity:
            return str(known[-1])
        found = file_digest(path)
        with self._guard:
            self._known[key] = [*identity, found]
            self._changed = True
        return found

    def save(self) -> None:
        """Keep what was learnt; entries of files that are gone are dropped."""
        if not self._changed:
            return
        with self._guard, contextlib.suppress(OSError):
            self._known = {key: value for key, value in self._known.items() if Path(key).exists()}
            self.job.write(self.file, json.dumps(self._known))
            self._changed = False


def _identity(path: Path) -> list[object]:
    status = path.stat(follow_symlinks=False)
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Something in a stage's folder: path relative to it, and what kind of thing it is."""

    path: str
    mode: int
    size: int
    allocated: int

    @property
    def is_hollow(self) -> bool:
        """Whether it is nothing but holes: reading it would take for ever, and tell nothing."""
        return is_hollow(self.size, self.allocated)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def kind(self) -> str:
        """The kind in words."""
        names = {
            stat.S_IFLNK: "a symbolic link",
            stat.S_IFIFO: "a FIFO",
            stat.S_IFSOCK: "a socket",
            stat.S_IFCHR: "a device",
            stat.S_IFBLK: "a device",
            stat.S_IFREG: "a file",
        }
        return names.get(stat.S_IFMT(self.mode), "something unknown")


def is_hollow(size: int, allocated: int) -> bool:
    """Whether a file of that size, of which so many bytes are on disk, is nothing but holes."""
    return size >= SMALLEST_HOLLOW and size > allocated * MOST_COMPRESSED


class CrowdedFolderError(Exception):
    """A folder has more in it than anybody wants to hold in memory."""


def walk(folder: Path, most: int) -> list[Entry]:
    """Everything below a stage's folder but folders and ``.cache/``, without following links.

    Something else in the place of ``.cache/`` is among it.

    Raises CrowdedFolderError for more than ``most`` files and folders or for very long names, and
    OSError where a folder cannot be read, as one that is nested too deep.
    """
    found: list[Entry] = []
    waiting, seen, letters = [""], 0, 0
    while waiting:
        prefix = waiting.pop()
        if prefix.count("/") > DEEPEST:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        with os.scandir(folder / prefix) as items:
            for item in items:
                name = prefix + item.name
                seen, letters = seen + 1, letters + len(os.fsencode(name))
                if seen > most or letters > MOST_LETTERS:
                    raise CrowdedFolderError
                if not item.is_dir(follow_symlinks=False):
                    found.append(_entry(name, item.stat(follow_symlinks=False)))
                elif name != CACHE:
                    waiting.append(name + "/")
    return sorted(found, key=lambda entry: entry.path)


def _entry(name: str, status: os.stat_result) -> Entry:
    allocated = status.st_blocks * BLOCK
    return Entry(path=name, mode=status.st_mode, size=status.st_size, allocated=allocated)
