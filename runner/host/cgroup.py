"""What one container uses, read on the host from its control groups: v1, hybrid or v2.

Where a control group is comes from the process and the mounts, never from an engine's naming.
The ``root`` of every function is the folder in which ``/proc`` and ``/sys`` are found. Nothing here
raises: a group or a file that is gone, or not readable, gives None.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

ROOT: Final = Path("/")
UNIFIED: Final = ""
MICROSECONDS: Final = 1_000_000
NANOSECONDS: Final = 1_000_000_000

Parsed = TypeVar("Parsed")


@dataclass(frozen=True, kw_only=True, slots=True)
class CgroupReading:
    """One look at a container's control groups: bytes, and CPU seconds since its start.

    ``memory_bytes`` leaves out the file cache that the kernel can drop at once, as engines show
    it; ``memory_peak_bytes`` is the kernel's own mark and includes it. None: not measured here.
    """

    memory_bytes: int | None = None
    memory_peak_bytes: int | None = None
    cpu_seconds: float | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The folders of one container's control groups, by controller; ``""`` is the v2 hierarchy."""

    folders: Mapping[str, Path]

    @property
    def counts_all_io(self) -> bool:
        """Whether its I/O figures are complete: only v2 charges a delayed write to its author."""
        return self._file(UNIFIED, "io.stat", _io_v2) is not None

    def read(self) -> CgroupReading:
        """What the kernel has counted up to now."""
        traffic = self._traffic()
        return CgroupReading(
            memory_bytes=self._memory(),
            memory_peak_bytes=self._first(
                ("memory", "memory.max_usage_in_bytes", int), (UNIFIED, "memory.peak", int)
            ),
            cpu_seconds=self._first(
                ("cpuacct", "cpuacct.usage", lambda text: int(text) / NANOSECONDS),
                (UNIFIED, "cpu.stat", lambda text: _flat(text)["usage_usec"] / MICROSECONDS),
            ),
            read_bytes=None if traffic is None else traffic[0],
            write_bytes=None if traffic is None else traffic[1],
        )

    def pids(self) -> frozenset[int]:
        """The host's process ids in the container, in nested groups too; empty when it is gone."""
        folder = next(iter(self.folders.values()), None)
        return frozenset() if folder is None else frozenset(_pids_below(folder))

    def _memory(self) -> int | None:
        used = self._first(
            ("memory", "memory.usage_in_bytes", int), (UNIFIED, "memory.current", int)
        )
        cache = self._first(
            ("memory", "memory.stat", lambda text: _flat(text)["total_inactive_file"]),
            (UNIFIED, "memory.stat", lambda text: _flat(text)["inactive_file"]),
        )
        return None if used is None else max(0, used - (cache or 0))

    def _traffic(self) -> tuple[int, int] | None:
        return self._first(
            ("blkio", "blkio.throttle.io_service_bytes_recursive", _io_v1),
            ("blkio", "blkio.throttle.io_service_bytes", _io_v1),
            (UNIFIED, "io.stat", _io_v2),
        )

    def _first(self, *sources: tuple[str, str, Callable[[str], Parsed]]) -> Parsed | None:
        figures = (self._file(*source) for source in sources)
        return next((figure for figure in figures if figure is not None), None)

    def _file(self, controller: str, name: str, parse: Callable[[str], Parsed]) -> Parsed | None:
        folder = self.folders.get(controller)
        text = None if folder is None else read_text(folder / name)
        if text is None:
            return None
        try:
            return parse(text)
        except (ValueError, KeyError, IndexError):
            return None


def find_cgroup(pid: int, root: Path = ROOT) -> Cgroup | None:
    """The control groups of the container whose first process is ``pid`` on the host.

    None when the process is gone, or when it shares its group with the caller or the machine:
    figures of the whole machine are not the container's.
    """
    mounts = list(_mounts(root))
    own = _membership(root, "self")
    folders: dict[str, Path] = {}
    for controller, group in _membership(root, str(pid)).items():
        if group == "/" or group == own.get(controller):
            continue
        for mount in mounts:
            folder = mount.folder_of(controller, group, root)
            if folder is not None and folder.is_dir():
                folders[controller] = folder
                break
    return Cgroup(folders) if folders else None


def is_member(pid: int, container_id: str, root: Path = ROOT) -> bool:
    """Whether a process is one of a container's: engines name its control groups by its id."""
    return container_id in (read_text(root / "proc" / str(pid) / "cgroup") or "")


def is_container_alive(container_id: str, root: Path = ROOT) -> bool:
    """Whether any process of a container runs on this machine, whichever engine it belongs to."""
    pids = (int(path.name) for path in (root / "proc").iterdir() if path.name.isdigit())
    if any(is_member(pid, container_id, root) for pid in pids):
        return True
    return _hides_processes(root) and _has_group(container_id, root)


def _hides_processes(root: Path) -> bool:
    """Whether ``/proc`` shows no processes of other users, as with its option hidepid."""
    return read_text(root / "proc/1/cgroup") is None


def _has_group(container_id: str, root: Path) -> bool:
    walk = os.walk(root / "sys/fs/cgroup")
    return any(container_id in name for _, names, _ in walk for name in names)


def read_text(path: Path) -> str | None:
    """The text of a file of the kernel's, None where it cannot be read (any more)."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class _Mount:
    controllers: frozenset[str]
    source: PurePosixPath
    target: PurePosixPath

    def folder_of(self, controller: str, group: str, root: Path) -> Path | None:
        path = PurePosixPath(group)
        # "/../.." is how the kernel names a group outside of the caller's cgroup namespace.
        if controller not in self.controllers or ".." in path.parts:
            return None
        if not path.is_relative_to(self.source):
            return None
        return root / self.target.relative_to("/") / path.relative_to(self.source)


def _mounts(root: Path) -> Iterator[_Mount]:
    for line in (read_text(root / "proc/self/mountinfo") or "").splitlines():
        place, separator, origin = line.partition(" - ")
        fields, kind = place.split(), origin.split()
        if not separator or kind[0] not in {"cgroup", "cgroup2"}:
            continue
        controllers = {UNIFIED} if kind[0] == "cgroup2" else set(kind[-1].split(","))
        yield _Mount(
            controllers=frozenset(controllers),
            source=PurePosixPath(_unescaped(fields[3])),
            target=PurePosixPath(_unescaped(fields[4])),
        )


def _membership(root: Path, process: str) -> dict[str, str]:
    """Group per controller, from lines such as ``4:cpu,cpuacct:/group`` and ``0::/group``."""
    groups: dict[str, str] = {}
    for line in (read_text(root / "proc" / process / "cgroup") or "").splitlines():
        _, controllers, group = line.split(":", 2)
        for controller in controllers.split(","):
            groups[controller] = group
    return groups


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _pids_below(folder: Path) -> Iterator[int]:
    for place, _, _ in os.walk(folder):
        for word in (read_text(Path(place, "cgroup.procs")) or "").split():
            yield int(word)


def _flat(text: str) -> dict[str, int]:
    """A file of ``name number`` lines."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs}


def _io_v1(text: str) -> tuple[int, int]:
    """Bytes read and written over all devices, from lines such as ``8:0 Read 4096``."""
    sums = {"Read": 0, "Write": 0}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] in sums:  # noqa: PLR2004  (the sum line has two fields)
            sums[fields[1]] += int(fields[2])
    return sums["Read"], sums["Write"]


def _io_v2(text: str) -> tuple[int, int]:
    """Bytes read and written over all devices, from lines such as ``8:0 rbytes=1 wbytes=2``."""
    read_bytes = write_bytes = 0
    for line in text.splitlines():
        figures = dict(pair.split("=", 1) for pair in line.split()[1:] if "=" in pair)
        read_bytes += int(figures.get("rbytes", 0))
        write_bytes += int(figures.get("wbytes", 0))
    return read_bytes, write_bytes
