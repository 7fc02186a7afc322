"""Removing a folder of whatever a stage has made, so that nobody ever sees half of it."""

import itertools
import os
from pathlib import Path
from typing import Final

AT_ONCE: Final = 10_000


def remove_folder(folder: Path) -> None:
    """Rename a folder away, then delete it, so that nobody ever sees half of it."""
    if not os.path.lexists(folder):
        return
    import tempfile

    doomed = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.removed."))
    folder.replace(doomed / "0")
    # Folders are lifted to the top one level at a time: a stage may have nested them deeper than
    # a path can be long, or have taken the write permission from them.
    names = map(str, itertools.count(1))
    while waiting := _some_of(doomed):
        for place in (Path(item.path) for item in waiting):
            if place.is_symlink() or not place.is_dir():
                place.unlink()
                continue
            place.chmod(0o700)
            while some := _some_of(place):
                for item in some:
                    if item.is_dir(follow_symlinks=False):
                        Path(item.path).chmod(0o700)
                        Path(item.path).replace(doomed / next(names))
                    else:
                        Path(item.path).unlink()
            place.rmdir()
    doomed.rmdir()


def _some_of(folder: Path) -> list["os.DirEntry[str]"]:
    """As many entries as are no burden, of however many a stage has made; none when it is empty."""
    with os.scandir(folder) as items:
        return list(itertools.islice(items, AT_ONCE))
