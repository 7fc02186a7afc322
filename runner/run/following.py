"""Reading a log as it grows, until the run that writes it has ended."""

import codecs
import contextlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from runner.host.machine import process_exists

CHUNK: Final = 1 << 16
PAUSE_SECONDS: Final = 0.2
PIPELINE_LOG: Final = re.compile(r"99_pipeline_.*_(\d+)\.log")


def follow(
    path: Path, alive: Callable[[], bool], *, pause_seconds: float = PAUSE_SECONDS
) -> Iterator[str]:
    """The text of a file, and what is added to it while ``alive`` says that there may be more.

    A file that is replaced by a new one, as at the start of a run, is read from its beginning.
    Links are not followed. Raises OSError if it cannot be read at the end either.
    """
    file: BinaryIO | None = None
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with contextlib.ExitStack() as stack:
        while True:
            # Asked before reading: what was written until then is still read.
            more = alive()
            try:
                if file is None or _replaced(file, path):
                    file = stack.enter_context(_open(path))
            except OSError:
                if not more and file is None:
                    raise
            while file is not None and (data := file.read(CHUNK)):
                yield decoder.decode(data)
            if not more:
                return
            # Log files grow without telling anybody; a person reads along.
            time.sleep(pause_seconds)


def _open(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    file = os.fdopen(descriptor, "rb", buffering=0)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        msg = f"{path} is not a regular file"
        raise OSError(msg)
    return file


def _replaced(file: BinaryIO, path: Path) -> bool:
    try:
        now = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return now.st_ino != os.fstat(file.fileno()).st_ino


def writer_lives(log: Path) -> bool:
    """Whether the process that a pipeline log is named after still runs."""
    match = PIPELINE_LOG.fullmatch(log.name)
    if match is None or not process_exists(int(match[1])):
        return False
    import psutil

    # A later process of the same number began after the last line was written.
    with contextlib.suppress(psutil.Error, OSError):
        began: float = psutil.Process(int(match[1])).create_time()
        return began <= log.stat().st_mtime
    return False
