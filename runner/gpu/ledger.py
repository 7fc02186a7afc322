"""Where all runs of this machine, of whichever user, reserve memory of its GPUs.

The ledger is a folder with one file per reservation. Whoever looks and then writes does both under
one lock, which the kernel lets go with its holder. An entry counts as long as its owner lives, or
the container that it names: a runner that is killed gives nothing back that its container may yet
take. Those of the dead are removed by whoever may.
"""

import contextlib
import errno
import fcntl
import functools
import os
import random
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.errors import GpuUnavailableError
from runner.gpu.reservation import Reservation, State, reservation_from, text_of
from runner.host.cgroup import is_container_alive
from runner.host.machine import ProcessIdentity, is_running, is_stopped, lock_holder
from runner.job.own_file import content_of

LOCKS: Final = Path("/run/lock")
USUAL: Final = "stagerun"
ENTRY: Final = ".json"
SICK: Final = ".sick"
# A folder for all users in which each can remove only what is theirs.
STICKY: Final = 0o1777
READABLE: Final = 0o644
LARGEST_ENTRY: Final = 1 << 16
# Looking and writing takes a hundredth of that.
PATIENCE_SECONDS: Final = 5.0
LOOK_EVERY_SECONDS: Final = 0.002
# Many that wait for the lock would keep the processors from the one that has it.
LOOK_SELDOM_SECONDS: Final = 0.02


def usual_folder(locks: Path = LOCKS) -> Path:
    """The folder that all users of a machine find without any setting.

    Some systems let root alone write to ``/run/lock``: there it has to be made by root first.
    """
    usual = locks / USUAL
    with contextlib.suppress(OSError):
        if usual.is_dir() or locks.stat().st_mode & stat.S_IWOTH:
            return usual
    return Path("/tmp") / f"{USUAL}-gpus"


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The ledger in one folder, as the process ``me`` sees it.

    ``lives`` tells of a process of this boot, ``container_lives`` of a container's id whether it
    still runs, ``stopped`` of a process whether it does nothing until it is told to go on. Who has
    the lock for twice ``patience_seconds``, and does nothing, stands still.
    """

    folder: Path
    me: ProcessIdentity
    lives: Callable[[ProcessIdentity], bool] = is_running
    container_lives: Callable[[str], bool] = is_container_alive
    stopped: Callable[[ProcessIdentity], bool] = is_stopped
    patience_seconds: float = PATIENCE_SECONDS
    _known: dict[str, tuple[tuple[int, ...], Reservation | None]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """One process at a time, for as long as the block takes.

        Raises GpuUnavailableError where the folder cannot be used.
        """
        while not self._is_still_there(descriptor := self._locked()):
            os.close(descriptor)
        try:
            yield
        finally:
            # A process that was forked meanwhile has the descriptor too, and would keep the lock.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def changed_at(self) -> int | None:
        """What is another number when an entry came or went; None where that cannot be told."""
        try:
            return self.folder.stat().st_mtime_ns
        except OSError:
            return None

    def entries(self) -> list[Reservation]:
        """What counts, those that came first at the front; what counts no more is removed.

        What cannot be read is left alone. So is what belongs to another machine, which shares the
        folder by mistake: its GPUs are not ours. One that waits and is stopped, as with Ctrl-Z, has
        its place in the line again when it goes on. Call it within a turn.
        """
        found = []
        lives = functools.cache(self.lives)
        for file in self._files():
            entry = self._read(file) if file.name.endswith(ENTRY) else None
            if file.name.startswith(".") or (entry is not None and self._is_over(entry, lives)):
                with contextlib.suppress(OSError):
                    Path(file).unlink()
            elif entry is not None and not self._is_far(entry) and not self._pauses(entry):
                found.append(entry)
        return sorted(found, key=lambda entry: (entry.ticket, entry.id))

    def files(self, suffix: str) -> list[Path]:
        """Those with that suffix; call it within a turn."""
        return [Path(file) for file in self._files() if file.name.endswith(suffix)]

    def strange(self) -> list[Path]:
        """Files that are no entries, or of another machine: they should not be there."""
        return [
            Path(file)
            for file in self._files()
            if not file.name.endswith(SICK)
            and ((entry := self._read(file)) is None or self._is_far(entry))
        ]

    def write(self, entry: Reservation) -> None:
        """Put an entry down, or in the place of the one with its id. Call it within a turn.

        Raises GpuUnavailableError.
        """
        self.put(self._path(entry.id).name, text_of(entry))

    def put(self, name: str, text: str) -> None:
        """Write a file as a whole or not at all. Call it within a turn.

        Raises GpuUnavailableError.
        """
        fresh = self.folder / f".{os.urandom(6).hex()}"
        try:
            with os.fdopen(os.open(fresh, _NEW, READABLE), "w", encoding="utf-8") as file:
                file.write(text)
                os.fchmod(file.fileno(), READABLE)
            fresh.replace(self.folder / name)
        except OSError as problem:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise GpuUnavailableError(self._unusable(_reason(problem))) from None

    def remove(self, entry_id: str) -> None:
        """Take an entry away, if it is there and one may."""
        with contextlib.suppress(OSError):
            self._path(entry_id).unlink()

    def _path(self, entry_id: str) -> Path:
        return self.folder / f"{entry_id}{ENTRY}"

    def _is_far(self, entry: Reservation) -> bool:
        return entry.owner.machine_id != self.me.machine_id

    def _read(self, file: "os.DirEntry[str]") -> Reservation | None:
        """The entry in a file, which is read once: another one in its place is another file."""
        try:
            state = file.stat(follow_symlinks=False)
        except OSError:
            return None
        key = (state.st_ino, state.st_ctime_ns, state.st_size)
        known = self._known.get(file.name)
        if known is None or known[0] != key:
            known = self._known[file.name] = (key, _entry_in(Path(file)))
        return known[1]

    def _files(self) -> "list[os.DirEntry[str]]":
        try:
            with os.scandir(self.folder) as found:
                files = list(found)
        except FileNotFoundError:
            files = []
        except OSError as problem:
            raise GpuUnavailableError(self._unusable(_reason(problem))) from None
        for name in self._known.keys() - {file.name for file in files}:
            self._known.pop(name, None)
        return files

    def _is_over(self, entry: Reservation, lives: Callable[[ProcessIdentity], bool]) -> bool:
        owner = entry.owner
        if self._is_far(entry) or owner == self.me:
            return False
        if owner.boot_id != self.me.boot_id:
            return True
        if entry.state is State.KEPT or lives(owner):
            return False
        return entry.container_id is None or not self.container_lives(entry.container_id)

    def _pauses(self, entry: Reservation) -> bool:
        return entry.state is State.WAITING and entry.owner != self.me and self.stopped(entry.owner)

    def _locked(self) -> int:
        """The descriptor of the folder that is there now, with the lock on it."""
        descriptor = self._open()
        try:
            seen, end = ("", self.changed_at()), time.monotonic() + self.patience_seconds
            while not _lock(descriptor):
                if time.monotonic() > end:
                    last, seen = seen, (lock_holder(descriptor), self.changed_at())
                    if seen == last:
                        story = f"is locked by {seen[0]}, which stands still"
                        raise GpuUnavailableError(self._unusable(story))
                    end = time.monotonic() + self.patience_seconds
                time.sleep(random.uniform(LOOK_EVERY_SECONDS, LOOK_SELDOM_SECONDS))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _is_still_there(self, descriptor: int) -> bool:
        """Whether others lock the same: a folder that was removed may have been made anew."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(descriptor), self.folder.stat())
        return False

    def _open(self) -> int:
        # Whoever makes the folder needs a moment until others may use it.
        for _ in range(50):
            try:
                self._make()
                descriptor = os.open(self.folder, _FOLDER)
            except (PermissionError, FileNotFoundError):
                pass
            except OSError as problem:
                raise GpuUnavailableError(self._unusable(_reason(problem))) from None
            else:
                if os.access(self.folder, os.W_OK | os.X_OK):
                    return descriptor
                os.close(descriptor)
            time.sleep(LOOK_EVERY_SECONDS)
        raise GpuUnavailableError(self._unusable("may not be written to by you"))

    def _make(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.folder.mkdir(mode=STICKY)
        except FileExistsError:
            if not self._is_unfinished():
                return
        self.folder.chmod(STICKY)

    def _is_unfinished(self) -> bool:
        """Whether I was killed when I had made it, and had not yet given it to all users."""
        state = self.folder.lstat()
        mine = stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid()
        return mine and state.st_mode & _FOR_ALL == stat.S_ISVTX

    def _unusable(self, problem: str) -> str:
        return (
            f"{self.folder}, the folder in which the runs of this machine reserve GPU memory, "
            f"{problem}. Mend that, or name another one that all of its users may write to: "
            "stagerun.yaml, gpu: {ledger: FOLDER}."
        )


_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# With the first alone nobody makes a folder on purpose.
_FOR_ALL: Final = stat.S_ISVTX | stat.S_IWGRP | stat.S_IWOTH
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def new_id(me: ProcessIdentity) -> str:
    """A name for an entry that no other has."""
    return f"{me.pid}-{os.urandom(6).hex()}"


def now() -> int:
    """The time for a ticket: it goes on in every process alike, whatever becomes of the clock."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _entry_in(path: Path) -> Reservation | None:
    with contextlib.suppress(ValueError):
        entry = reservation_from(content_of(path, LARGEST_ENTRY) or b"")
        return entry if path.name == f"{entry.id}{ENTRY}" else None
    return None


def _reason(problem: OSError) -> str:
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "has no space left"
    if problem.errno in {errno.ELOOP, errno.ENOTDIR}:
        return "is no folder of its own"
    return f"cannot be used: {problem.strerror}"
