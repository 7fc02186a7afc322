"""Streams through the ``zstd`` program, which spares a library of several megabytes."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from runner.errors import ImageMismatchError, UsageError

READ_BYTES: Final = 1024 * 1024
PROGRAM: Final = "zstd"


def compress(chunks: Iterable[bytes], file: IO[bytes]) -> None:
    """Write the chunks compressed. Raises UsageError without the program, else OSError."""
    with _started("--threads=0", stdin=subprocess.PIPE, stdout=file) as process:
        assert process.stdin is not None  # it was asked for as a pipe
        with contextlib.suppress(BrokenPipeError):
            for chunk in chunks:
                process.stdin.write(chunk)
        _, errors = process.communicate()
    if process.returncode:
        full = b"no space left" in errors.lower()
        raise OSError(errno.ENOSPC if full else errno.EIO, errors.decode(errors="replace").strip())


@contextlib.contextmanager
def decompressed(path: Path) -> Iterator[Iterator[bytes]]:
    """The content of a compressed file in chunks. Raises ImageMismatchError for a broken one."""
    with _started("--decompress", str(path), stdin=subprocess.DEVNULL) as process:
        try:
            yield _chunks(process, path)
        finally:
            process.kill()


def _chunks(process: subprocess.Popen[bytes], path: Path) -> Iterator[bytes]:
    assert process.stdout is not None  # both were asked for as pipes
    assert process.stderr is not None
    while block := process.stdout.read(READ_BYTES):
        yield block
    errors = process.stderr.read().decode(errors="replace").strip()
    if process.wait():
        msg = f"{path} cannot be decompressed: {errors}"
        raise ImageMismatchError(msg)


def _started(
    *arguments: str, stdin: int, stdout: "int | IO[bytes]" = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    command = [PROGRAM, "--quiet", "--stdout", *arguments]
    try:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        msg = (
            "the program zstd is not installed: sudo apt-get install zstd, or do without --zstd "
            "where the images are saved."
        )
        raise UsageError(msg) from None
