"""One living process per stage folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Optional

from shared.errors import StageBusyError

LOCK_TABLE: Final = Path("/proc/locks")


class FolderLock:
    """Holds a stage's folder for this process. Raises StageBusyError when another one has it."""

    def __init__(self, folder: Path) -> None:
        self._descriptor: Optional[int] = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            inode = os.fstat(self._descriptor).st_ino
            self.release()
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise StageBusyError(_busy(folder, inode)) from None
            # Some network file systems know no locks; there the folder is not guarded.

    def release(self) -> None:
        """Let others have the folder, also where a worker process inherited the lock."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def _busy(folder: Path, inode: int) -> str:
    owner = _owner(inode)
    who = f"process {owner}" if owner else "another process (not visible from here)"
    return (
        f"{folder} is in use by {who}, which has not finalized its manifest. "
        f"Wait for it or stop it, then start this stage again."
    )


def _owner(inode: int) -> Optional[int]:
    """The process that holds the lock, as the kernel's table shows it."""
    with suppress(OSError, ValueError, IndexError):
        for line in LOCK_TABLE.read_text(encoding="ascii").splitlines():
            # 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode):
                return int(fields[4]) if int(fields[4]) > 0 else None
    return None
