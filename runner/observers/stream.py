"""Where lines go: a stream whose reader may leave at any time without stopping the work."""

import threading
from dataclasses import dataclass, field
from typing import TextIO

from runner.observers.style import TYPEWRITER, is_unicode


@dataclass
class Stream:
    """Whole lines to standard output or standard error.

    When nobody reads any more, or the disk behind it is full, later lines are dropped: a stage
    that has run for hours is worth more than its progress report.
    """

    file: TextIO
    gone: bool = False
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_unicode(self) -> bool:
        """Whether it takes every character."""
        return is_unicode(self.file.encoding or "utf-8")

    def write(self, text: str) -> None:
        """Write a text and flush it."""
        if not self.is_unicode:
            encoding = self.file.encoding
            text = text.translate(TYPEWRITER).encode(encoding, "replace").decode(encoding)
        with self._guard:
            if self.gone:
                return
            try:
                self.file.write(text)
                self.file.flush()
            except (OSError, ValueError):
                self.gone = True
