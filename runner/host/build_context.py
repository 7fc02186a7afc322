"""What a build is made from: a list of files, sent as a tar that depends on their content alone."""

import hashlib
import io
import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Final

SITE_FOLDER: Final = ".site"
"""The folder of the context that is mounted into build steps and belongs to no image."""

NOT_CODE: Final = frozenset({"__pycache__", "fixture", "tests", "stage.yaml"})
IN_MEMORY_BYTES: Final = 32 * 1024 * 1024
READ_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ContextFile:
    """One file of a context: a path inside it, and a file here or the content itself."""

    path: str
    source: Path | bytes
    executable: bool = False

    def open(self) -> IO[bytes]:
        """The content as a stream."""
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")

    @property
    def size(self) -> int:
        """The content's size in bytes."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    @property
    def mode(self) -> int:
        """Readable by every user, because an image has to work for any."""
        return 0o755 if self.executable else 0o644

    @cached_property
    def digest(self) -> str:
        """``<hex>`` of SHA-256 over the content, with an ``x`` behind it when it is executable."""
        found = hashlib.sha256()
        with self.open() as stream:
            while block := stream.read(READ_BYTES):
                found.update(block)
        return found.hexdigest() + ("x" if self.executable else "")


def file_at(path: str, source: Path) -> ContextFile:
    """One file from disk, under another name."""
    return ContextFile(path=path, source=source, executable=bool(source.stat().st_mode & 0o100))


def folder_files(
    folder: Path, prefix: str = "", leave_out: Iterable[str] = ("__pycache__",)
) -> tuple[ContextFile, ...]:
    """All files below a folder but hidden ones and those with a part of their path left out."""
    skipped = frozenset(leave_out)
    found = []
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if _is_source(name, skipped)]
        below = Path(prefix, Path(here).relative_to(folder)).as_posix()
        for name in names:
            path = Path(here, name)
            if _is_source(name, skipped) and path.is_file():
                found.append(file_at(name if below == "." else f"{below}/{name}", path))
    return tuple(sorted(found, key=lambda file: file.path))


def _is_source(name: str, skipped: Collection[str]) -> bool:
    return not name.startswith(".") and name not in skipped and not name.endswith(".pyc")


def context_tar(files: Iterable[ContextFile]) -> IO[bytes]:
    """The context as a tar stream: sorted, without owners and times, with plain modes.

    The caller closes it. Raises OSError when a file cannot be read.
    """
    # A run only looks at digests, and starts quicker without these.
    import tarfile
    import tempfile

    stream = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115  # the caller's
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in sorted(files, key=lambda item: item.path):
            header = tarfile.TarInfo(file.path)
            header.size, header.mode = file.size, file.mode
            with file.open() as content:
                tar.addfile(header, content)
    stream.seek(0)
    return stream


def file_digests(files: Iterable[ContextFile]) -> dict[str, str]:
    """The digest of each file that belongs to the image's sources, by its path."""
    own = (file for file in files if not file.path.startswith(f"{SITE_FOLDER}/"))
    return {file.path: file.digest for file in sorted(own, key=lambda item: item.path)}


def sources_digest(files: Mapping[str, str], arguments: Mapping[str, str], parent: str) -> str:
    """``sha256:<hex>`` over files (path to digest), build arguments and the parent's own digest."""
    text = json.dumps([dict(files), dict(arguments), parent], sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
