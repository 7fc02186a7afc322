"""Taking from what a stage left the power to run as its owner.

In the container such a file is harmless: no privileges can be gained there. On the host it would
let anybody who reaches it act as the job's owner, who may be root. The job's owner may put links
anywhere meanwhile, so files and folders are pinned by a descriptor before they are changed.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

POWERS: Final = stat.S_ISUID | stat.S_ISGID
READABLE: Final = stat.S_IRUSR | stat.S_IXUSR
DEEPEST: Final = 100
"""Folders within folders; each takes two descriptors. What is deeper, only its owner may enter."""


def clear_setuid(folder: Path) -> None:
    """Clear setuid and setgid of every file below a folder, ``.cache/`` included."""
    with contextlib.suppress(OSError), _pinned(str(folder)) as place:
        if stat.S_ISDIR(os.fstat(place).st_mode):
            _clear_folder(place, 0)


@contextlib.contextmanager
def _pinned(name: str, folder: int | None = None) -> Iterator[int]:
    """A descriptor of whatever has that name, which need not be readable. Raises OSError."""
    place = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield place
    finally:
        os.close(place)


def _clear_folder(place: int, depth: int) -> None:
    mode = stat.S_IMODE(os.fstat(place).st_mode)
    if depth > DEEPEST:
        _set_mode(place, stat.S_IRWXU)
        return
    if mode & READABLE != READABLE:
        _set_mode(place, mode | READABLE)
    with os.scandir(_path(place)) as items:
        for item in items:
            if item.is_dir(follow_symlinks=False) or _has_powers(item):
                with contextlib.suppress(OSError), _pinned(item.name, place) as below:
                    _clear(below, depth + 1)


def _clear(place: int, depth: int) -> None:
    mode = os.fstat(place).st_mode
    if stat.S_ISDIR(mode):
        _clear_folder(place, depth)
    elif stat.S_ISREG(mode) and mode & POWERS:
        _set_mode(place, stat.S_IMODE(mode) & ~POWERS)


def _has_powers(item: "os.DirEntry[str]") -> bool:
    if not item.is_file(follow_symlinks=False):
        return False
    return bool(item.stat(follow_symlinks=False).st_mode & POWERS)


def _set_mode(place: int, mode: int) -> None:
    # fchmod takes no descriptor of this kind.
    Path(_path(place)).chmod(mode)


def _path(place: int) -> str:
    return f"/proc/self/fd/{place}"
