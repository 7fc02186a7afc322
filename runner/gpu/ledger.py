"""Where all runs of this machine, of whichever user, reserve memory of its GPUs.

The ledger is a folder with one file per reservation. Whoever looks and then writes does both under
one lock, which the kernel lets go with its holder. An entry counts as long as its owner lives, or
the container that it names: a runner that is killed gives nothing back that its container may yet
take. Those of the dead are removed by whoever may.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.errors import GpuUnavailableError
from runner.gpu.reservation import Reservation, State, reservation_from, text_of
from runner.host.cgroup import is_container_alive
from runner.host.machine import ProcessIdentity, is_alive
from runner.job.own_file import open_regular

LOCKS: Final = Path("/run/lock")
USUAL: Final = "stagerun"
# A folder for all users in which each can remove only what is theirs.
STICKY: Final = 0o1777
READABLE: Final = 0o644
LARGEST_ENTRY: Final = 1 << 16
# Looking and writing takes a hundredth of that.
TURN_SECONDS: Final = 10.0
LOOK_EVERY_SECONDS: Final = 0.002


def usual_folder(locks: Path = LOCKS) -> Path:
    """The folder that all users of a machine find without any setting."""
    return locks / USUAL if locks.is_dir() else Path("/tmp") / f"{USUAL}-gpus"


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The ledger in one folder, as the process ``me`` sees it.

    ``lives`` tells of a process, ``container_lives`` of a container's id whether it still runs.
    """

    folder: Path
    me: ProcessIdentity
    lives: Callable[[ProcessIdentity], bool] = is_alive
    container_lives: Callable[[str], bool] = is_container_alive

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """One process at a time, for as long as the block takes.

        Raises GpuUnavailableError where the folder cannot be used.
        """
        descriptor = self._open()
        try:
            end = time.monotonic() + TURN_SECONDS
            while not _lock(descriptor):
                if time.monotonic() > end:
                    raise GpuUnavailableError(self._unusable("is locked by one that stands still"))
                time.sleep(LOOK_EVERY_SECONDS)
            yield
        finally:
            os.close(descriptor)

    def entries(self) -> list[Reservation]:
        """What counts, those that came first at the front; what counts no more is removed.

        What cannot be read is left alone. So is what belongs to another machine, which shares the
        folder by mistake: its GPUs are not ours. Call it within a turn.
        """
        found = []
        for path in self._files():
            entry = _read(path)
            if path.name.startswith(".") or (entry is not None and self._is_over(entry)):
                with contextlib.suppress(OSError):
                    path.unlink()
            elif entry is not None and entry.owner.machine_id == self.me.machine_id:
                found.append(entry)
        return sorted(found, key=lambda entry: (entry.ticket, entry.id))

    def strange(self) -> list[Path]:
        """Files that are no entries, or of another machine: they should not be there."""
        return [
            path
            for path in self._files()
            if (entry := _read(path)) is None or entry.owner.machine_id != self.me.machine_id
        ]

    def write(self, entry: Reservation) -> None:
        """Put an entry down, or in the place of the one with its id. Call it within a turn.

        Raises GpuUnavailableError.
        """
        fresh = self.folder / f".{entry.id}"
        try:
            with os.fdopen(os.open(fresh, _NEW, READABLE), "w", encoding="utf-8") as file:
                file.write(text_of(entry))
                os.fchmod(file.fileno(), READABLE)
            fresh.replace(self._path(entry.id))
        except OSError as problem:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise GpuUnavailableError(self._unusable(_reason(problem))) from None

    def remove(self, entry_id: str) -> None:
        """Take an entry away, if it is there and one may."""
        with contextlib.suppress(OSError):
            self._path(entry_id).unlink()

    def _path(self, entry_id: str) -> Path:
        return self.folder / f"{entry_id}.json"

    def _files(self) -> list[Path]:
        try:
            return list(self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as problem:
            raise GpuUnavailableError(self._unusable(_reason(problem))) from None

    def _is_over(self, entry: Reservation) -> bool:
        owner = entry.owner
        if owner.machine_id != self.me.machine_id or owner == self.me:
            return False
        if owner.boot_id != self.me.boot_id:
            return True
        if entry.state is State.KEPT or self.lives(owner):
            return False
        return entry.container_id is None or not self.container_lives(entry.container_id)

    def _open(self) -> int:
        try:
            self._make()
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as problem:
            raise GpuUnavailableError(self._unusable(_reason(problem))) from None
        if not self._is_mine_to_write():
            os.close(descriptor)
            raise GpuUnavailableError(self._unusable("may not be written to by you"))
        return descriptor

    def _make(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            self.folder.mkdir()
            self.folder.chmod(STICKY)

    def _is_mine_to_write(self) -> bool:
        # Whoever makes the folder needs a moment until others may use it.
        for _ in range(50):
            if os.access(self.folder, os.W_OK | os.X_OK):
                return True
            time.sleep(LOOK_EVERY_SECONDS)
        return False

    def _unusable(self, problem: str) -> str:
        return (
            f"{self.folder}, the folder in which the runs of this machine reserve GPU memory, "
            f"{problem}. Mend that, or name another one that all of its users may write to: "
            "stagerun.yaml, gpu: {ledger: FOLDER}."
        )


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


def _read(path: Path) -> Reservation | None:
    with contextlib.suppress(OSError, ValueError):
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            entry = reservation_from(file.read(LARGEST_ENTRY))
        return entry if path.name == f"{entry.id}.json" else None
    return None


def _reason(problem: OSError) -> str:
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "has no space left"
    if problem.errno in {errno.ELOOP, errno.ENOTDIR}:
        return "is no folder of its own"
    return f"cannot be used: {problem.strerror}"
