"""The file behind a manifest: replaced as a whole, and not more often than a reader can follow."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Callable, Dict, Final

from shared.files import remove_unfinished, write_atomically

SECONDS_BETWEEN_WRITES: Final = 1.0


class ManifestFile:
    """Writes a document; in between the first and the final write at most once a second."""

    def __init__(self, path: Path, document: Callable[[], Dict[str, Any]]) -> None:
        self.path = path
        self.is_behind = True
        self._document = document
        self._written_at = 0.0
        self._retired = False
        remove_unfinished(path)

    def write(self) -> None:
        """Write now, and wait until the disk has it. Raises OSError when the disk refuses."""
        self._write(durable=True)

    def write_in_passing(self) -> None:
        """Write if the last time is long enough ago; a disk that refuses is asked again later."""
        if time.monotonic() - self._written_at < SECONDS_BETWEEN_WRITES:
            return
        try:
            self._write(durable=False)
        except OSError:
            self._written_at = time.monotonic()

    def retire(self) -> None:
        """Write nothing any more: a newer manifest owns the file."""
        self._retired = True
        self.is_behind = False

    def _write(self, *, durable: bool) -> None:
        if self._retired:
            return
        text = json.dumps(self._document(), indent=2, ensure_ascii=False, allow_nan=False)
        write_atomically(self.path, text.encode("utf-8") + b"\n", durable=durable)
        self._written_at = time.monotonic()
        self.is_behind = False
