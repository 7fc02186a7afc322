"""Where all runs of this machine, of whichever user, reserve memory of its GPUs.

The ledger is a folder with one file per reservation. Whoever looks and then writes does both under
one lock, which the kernel lets go with its holder. An entry counts as long as its owner lives, or
the container that it names: a runner that is killed gives nothing back that its container may yet
take, also if the engine has yet to start it. Those of the dead are removed by whoever may.
"""

import contextlib
import functools
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.gpu.ledger_folder import changed_at, locked, unusable
from runner.gpu.reservation import Reservation, State, reservation_from, text_of
from runner.host.cgroup import is_container_alive
from runner.host.machine import ProcessIdentity, is_running, is_stopped
from runner.job.own_file import content_of

ENTRY: Final = ".json"
SICK: Final = ".sick"
READABLE: Final = 0o644
LARGEST_ENTRY: Final = 1 << 16
# Looking and writing takes a hundredth of that.
PATIENCE_SECONDS: Final = 5.0
# As long an engine may need for a start that was asked of it.
START_SECONDS: Final = 30.0
# By more than that no clock is corrected while a machine runs.
CLOCK_SECONDS: Final = 60.0
NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Written:
    """An entry, and when its file was last changed, in seconds since the epoch."""

    entry: Reservation
    at: float


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The ledger in one folder, as the process ``me`` sees it.

    ``lives`` tells of a process of this boot, ``container_lives`` of a container's id whether it
    still runs, ``stopped`` of a process whether it does nothing until it is told to go on. Who has
    the lock for twice ``patience_seconds``, and does nothing, stands still. ``clock`` is the one by
    which files are dated.
    """

    folder: Path
    me: ProcessIdentity
    lives: Callable[[ProcessIdentity], bool] = is_running
    container_lives: Callable[[str], bool] = is_container_alive
    stopped: Callable[[ProcessIdentity], bool] = is_stopped
    patience_seconds: float = PATIENCE_SECONDS
    clock: Callable[[], float] = time.time
    _known: dict[str, tuple[tuple[int, ...], Written | None]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def turn(self) -> AbstractContextManager[None]:
        """One process at a time, for as long as the block takes.

        Raises GpuUnavailableError where the folder cannot be used.
        """
        return locked(self.folder, self.patience_seconds)

    def changed_at(self) -> int | None:
        """What is another number when an entry came or went; None where that cannot be told."""
        return changed_at(self.folder)

    def entries(self) -> list[Reservation]:
        """What counts, those that came first at the front; what counts no more is removed.

        What cannot be read is left alone. So is what belongs to another machine, which shares the
        folder by mistake: its GPUs are not ours. One that waits and is stopped, as with Ctrl-Z, has
        its place in the line again when it goes on. Call it within a turn.
        """
        found = []
        lives = functools.cache(self.lives)
        for file in self._files():
            written = self._read(file) if file.name.endswith(ENTRY) else None
            if file.name.startswith(".") or (written and self._is_over(written, lives)):
                with contextlib.suppress(OSError):
                    Path(file).unlink()
            elif written and not self._is_far(written) and not self._pauses(written.entry):
                found.append(written.entry)
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
            and ((written := self._read(file)) is None or self._is_far(written))
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
            raise unusable(self.folder, problem) from None

    def remove(self, entry_id: str) -> None:
        """Take an entry away, if it is there and one may."""
        with contextlib.suppress(OSError):
            self._path(entry_id).unlink()

    def _path(self, entry_id: str) -> Path:
        return self.folder / f"{entry_id}{ENTRY}"

    def _is_far(self, written: Written) -> bool:
        """Whether another machine wrote it, which may have been made with this one's id."""
        owner = written.entry.owner
        if owner.boot_id and owner.boot_id == self.me.boot_id:
            return False
        if owner.machine_id != self.me.machine_id:
            return True
        booted_at = self.clock() - now() / NANOSECONDS
        return owner.boot_id != self.me.boot_id and written.at > booted_at + CLOCK_SECONDS

    def _read(self, file: "os.DirEntry[str]") -> Written | None:
        """The entry in a file, which is read once: another one in its place is another file."""
        try:
            state = file.stat(follow_symlinks=False)
        except OSError:
            return None
        key = (state.st_ino, state.st_ctime_ns, state.st_size)
        known = self._known.get(file.name)
        if known is None or known[0] != key:
            entry = _entry_in(Path(file))
            written = None if entry is None else Written(entry, state.st_ctime)
            known = self._known[file.name] = (key, written)
        return known[1]

    def _files(self) -> "list[os.DirEntry[str]]":
        try:
            with os.scandir(self.folder) as found:
                files = list(found)
        except FileNotFoundError:
            files = []
        except OSError as problem:
            raise unusable(self.folder, problem) from None
        for name in self._known.keys() - {file.name for file in files}:
            self._known.pop(name, None)
        return files

    def _is_over(self, written: Written, lives: Callable[[ProcessIdentity], bool]) -> bool:
        entry = written.entry
        if self._is_far(written):
            return False
        if entry.owner.boot_id != self.me.boot_id:
            return True
        if entry.state is State.KEPT:
            return False
        if entry.state is not State.OUTLIVED and (entry.owner == self.me or lives(entry.owner)):
            return False
        return entry.container_id is None or not self._may_take(written, entry.container_id)

    def _may_take(self, written: Written, container_id: str) -> bool:
        """Whether a container that nobody watches runs, or may be about to."""
        age = abs(self.clock() - written.at)
        is_starting = not written.entry.started and age < START_SECONDS
        return is_starting or self.container_lives(container_id)

    def _pauses(self, entry: Reservation) -> bool:
        return entry.state is State.WAITING and entry.owner != self.me and self.stopped(entry.owner)


_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def new_id(me: ProcessIdentity) -> str:
    """A name for an entry that no other has."""
    return f"{me.pid}-{os.urandom(6).hex()}"


def now() -> int:
    """The time for a ticket: it goes on in every process alike, whatever becomes of the clock."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _entry_in(path: Path) -> Reservation | None:
    with contextlib.suppress(ValueError):
        entry = reservation_from(content_of(path, LARGEST_ENTRY) or b"")
        return entry if path.name == f"{entry.id}{ENTRY}" else None
    return None
