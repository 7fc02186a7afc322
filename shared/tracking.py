"""The files that a stage read and wrote, as its manifest lists them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Final, List, Mapping, Optional, Tuple

from shared.files import Measure, measure
from shared.plain_values import plain, text_of

RESERVED: Final = ("path", "type", "size_bytes", "checksum", "exists")


@dataclass
class TrackedFile:
    """One input or output; the metadata is the caller's own, ``name`` the declared one's."""

    path: Path
    shown: str
    type: str
    metadata: Dict[str, Any] = field(default_factory=dict)
    name: Optional[str] = None
    found: Optional[Measure] = None
    handed_checksum: Optional[str] = None
    may_be_missing: bool = False

    def measure(self, *, hashing: bool) -> None:
        """Look at the file as it is now; a digest that was handed in is never taken again."""
        self.found = measure(self.path, hashing=hashing and self.handed_checksum is None)

    def as_json(self) -> Dict[str, Any]:
        """The entry: what was measured, and the caller's metadata flat beside it."""
        entry: Dict[str, Any] = {"type": self.type, "path": self.shown}
        if self.name is not None:
            entry["name"] = self.name
        if self.found is None:
            return {**entry, **self.metadata, "exists": False}
        if self.found.file_count is not None:
            entry["file_count"] = self.found.file_count
        entry.update(self.metadata)
        if self.found.size_bytes is not None:
            entry["size_bytes"] = self.found.size_bytes
        checksum = self.handed_checksum or self.found.checksum
        if checksum is not None:
            entry["checksum"] = checksum
        return entry


@dataclass
class ScratchFile:
    """An intermediate file; nothing is deleted by listing it."""

    path: Path
    shown: str
    retained: bool
    reason: str

    def as_json(self) -> Dict[str, Any]:
        """The entry, with the size in bytes if there is a file."""
        found = measure(self.path, hashing=False)
        entry = {"path": self.shown, "retained": self.retained, "reason": self.reason}
        if found is not None and found.size_bytes is not None:
            entry["size_bytes"] = found.size_bytes
        return entry


class FileList:
    """Entries in the order of their first mention, one per path and type."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: Dict[Tuple[str, str], TrackedFile] = {}

    def put(self, entry: TrackedFile, metadata: Optional[Mapping[str, Any]]) -> TrackedFile:
        """Add the entry or find the one that is there; metadata, if given, replaces the old."""
        kept = self._entries.setdefault((entry.shown, entry.type), entry)
        if metadata is not None:
            kept.metadata = dict(metadata)
            kept.may_be_missing = False
        elif kept is not entry:
            kept.name = kept.name or entry.name
        return kept

    def drop_unwritten(self) -> None:
        """Forget optional files that were only ever asked for."""
        self._entries = {
            key: entry
            for key, entry in self._entries.items()
            if entry.found is not None or not entry.may_be_missing
        }

    def __iter__(self) -> Any:
        return iter(list(self._entries.values()))

    def as_json(self) -> List[Dict[str, Any]]:
        """All entries."""
        return [entry.as_json() for entry in self]


def absolute(path: object) -> Path:
    """The path from the root on, with ``..`` resolved but links left alone.

    Raises TypeError for what is no path.
    """
    if not isinstance(path, (str, os.PathLike)):
        message = f"A tracked file is named by a path or text, not by {type(path).__name__}."
        raise TypeError(message)
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def shown_path(path: Path, job_dir: Path) -> str:
    """The path relative to the job, or the absolute one of a file outside it."""
    for candidate, root in ((path, job_dir), (_resolved(path), _resolved(job_dir))):
        try:
            return text_of(candidate.relative_to(root).as_posix())
        except ValueError:
            continue
    return text_of(path)


def is_below(path: Path, folder: Path) -> bool:
    """Whether a path lies in a folder, as written or with links followed."""
    resolved = _resolved(folder)
    return folder in path.parents or resolved in _resolved(path).parents


def split_metadata(metadata: Mapping[str, Any]) -> Tuple[Dict[str, Any], List[str]]:
    """Metadata with reserved names moved under ``metadata``, and the names that were moved."""
    taken = [key for key in metadata if key in RESERVED]
    flat = {key: plain(value) for key, value in metadata.items() if key not in RESERVED}
    if taken:
        own = flat.get("metadata")
        nested = dict(own) if isinstance(own, dict) else {} if own is None else {"metadata": own}
        nested.update((key, plain(metadata[key])) for key in taken)
        flat["metadata"] = nested
    return flat, taken


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a name that can be no file
        return path
