"""This machine and its processes: who is who, and how much of what there is.

The ``root`` of the functions is the folder in which ``/proc`` and ``/etc`` are found.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

ROOT: Final = Path("/")
KIB: Final = 1024
_MACHINE_ID_FILES: Final = ("etc/machine-id", "var/lib/dbus/machine-id")
_NO_MACHINE_ID: Final = frozenset({"", "uninitialized"})
# Counted in /proc/<pid>/stat from the state, which follows the name.
_STATE_FIELD: Final = 0
_START_FIELD: Final = 19
# A process that is dead stays in the list of processes until its parent has asked for its end.
_DEAD_STATES: Final = frozenset("ZXx")
_STOPPED_STATES: Final = frozenset("Tt")


def process_exists(pid: int) -> bool:
    """Whether a process has that number, also where ``/proc`` hides it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process that no later one can be mistaken for.

    ``started`` is its start in clock ticks since the boot; ``machine_id`` is a digest.
    """

    pid: int
    started: int
    boot_id: str
    machine_id: str

    @classmethod
    def current(cls, root: Path = ROOT) -> Self:
        """The calling process."""
        return cls(os.getpid(), _start_of(os.getpid(), root), boot_id(root), machine_id(root))


def is_alive(process: ProcessIdentity, root: Path = ROOT) -> bool:
    """Whether a process of this machine still runs, and is not another one with its number.

    Where ``/proc`` hides the processes of other users, a process with that number is taken for it.
    """
    return process.boot_id == boot_id(root) and is_running(process, root)


def is_running(process: ProcessIdentity, root: Path = ROOT) -> bool:
    """The same of a process that is known to be of the time since the last boot."""
    if not process_exists(process.pid):
        return False
    fields = _stat_of(process.pid, root)
    if not fields:
        return process_exists(process.pid)
    return fields[_STATE_FIELD] not in _DEAD_STATES and _start_in(fields) == process.started


def is_stopped(process: ProcessIdentity, root: Path = ROOT) -> bool:
    """Whether a process was told to stop and does nothing until it is told to go on."""
    fields = _stat_of(process.pid, root)
    return bool(fields) and fields[_STATE_FIELD] in _STOPPED_STATES


def lock_holder(descriptor: int, root: Path = ROOT) -> str:
    """Which process has the lock on what is open there, for people, as far as the kernel tells."""
    number = os.fstat(descriptor).st_ino
    for line in _text(root / "proc/locks").splitlines():
        # Such as "1: FLOCK ADVISORY WRITE 4711 00:19:1234 0 EOF"; those that wait have "->".
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(number):
            return f"process {fields[4]}"
    return "a process that the kernel does not tell"


def machine_id(root: Path = ROOT) -> str:
    """A digest that stays the same on this machine and does not disclose its real id."""
    found = (_text(root / name) for name in _MACHINE_ID_FILES)
    identity = next((text for text in found if text not in _NO_MACHINE_ID), None)
    if identity is None:
        identity = f"host {_text(root / 'proc/sys/kernel/hostname')}"
    return hashlib.sha256(f"stagerun {identity}".encode()).hexdigest()


def boot_id(root: Path = ROOT) -> str:
    """What names the time since the last boot; empty where the kernel does not tell."""
    return _text(root / "proc/sys/kernel/random/boot_id")


def cpu_count() -> int:
    """Processors that the machine has, whatever the caller may use of them."""
    return os.cpu_count() or 1


def memory_total_bytes(root: Path = ROOT) -> int | None:
    """Memory of the machine; None where ``/proc/meminfo`` does not tell."""
    return _memory(root).get("MemTotal")


def memory_available_bytes(root: Path = ROOT) -> int | None:
    """Memory that new processes can have without swapping; None where that is not told."""
    return _memory(root).get("MemAvailable")


def has_unified_cgroups(root: Path = ROOT) -> bool:
    """Whether cgroup v2 alone is in use, which lets users limit their own processes."""
    return (root / "sys/fs/cgroup/cgroup.controllers").exists()


def free_bytes(path: Path) -> int:
    """Space that the caller can use on the file system of ``path``, or of the first folder above
    that exists. Raises `OSError` where that cannot be read.
    """
    existing = next(place for place in (path, *path.absolute().parents) if place.exists())
    volume = os.statvfs(existing)
    return volume.f_bavail * volume.f_frsize


def _start_of(pid: int, root: Path) -> int:
    """When a process began, in clock ticks since the boot; 0 where ``/proc`` does not tell."""
    return _start_in(_stat_of(pid, root))


def _stat_of(pid: int, root: Path) -> list[str]:
    """What ``/proc`` says of a process, from its state on; empty where it is hidden, or gone."""
    # The name stands in brackets and may itself hold blanks and brackets: what follows the last.
    return _text(root / "proc" / str(pid) / "stat").rpartition(")")[2].split()


def _start_in(fields: Sequence[str]) -> int:
    return int(fields[_START_FIELD]) if len(fields) > _START_FIELD else 0


def _memory(root: Path) -> dict[str, int]:
    """Lines such as ``MemTotal: 16 kB``, in bytes."""
    sizes: dict[str, int] = {}
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        fields = rest.split()
        if fields and fields[0].isdigit():
            sizes[name] = int(fields[0]) * KIB
    return sizes


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
