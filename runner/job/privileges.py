"""Taking from what a stage left the power to run as its owner.

In the container such a file is harmless: no privileges can be gained there. On the host it would
let anybody who reaches it act as the job's owner, who may be root.
"""

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

POWERS: Final = stat.S_ISUID | stat.S_ISGID


def take_powers(folder: Path) -> None:
    """Clear setuid and setgid of every file below a folder, ``.cache/`` included."""
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        # A folder that cannot be read here can be reached by nobody else either.
        with contextlib.suppress(OSError), os.scandir(place) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False):
                    waiting.append(Path(item.path))
                elif item.is_file(follow_symlinks=False):
                    mode = item.stat(follow_symlinks=False).st_mode
                    if mode & POWERS:
                        # The container has ended: nobody puts a link there meanwhile.
                        Path(item.path).chmod(stat.S_IMODE(mode) & ~POWERS)
