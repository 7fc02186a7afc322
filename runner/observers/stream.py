"""Where lines go: a stream whose reader may leave at any time without stopping the work."""

import threading
from dataclasses import dataclass, field
from typing import TextIO, cast

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

    def as_file(self) -> TextIO:
        """The same for a library that writes to files: it, too, may go on when the reader left."""
        return cast("TextIO", _StreamFile(self))

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


@dataclass(frozen=True)
class _StreamFile:
    """As much of a text file as is needed to draw on a terminal."""

    stream: Stream

    @property
    def encoding(self) -> str:
        return self.stream.file.encoding

    def write(self, text: str) -> int:
        self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Nothing is left to do: the stream flushes what it writes."""

    def isatty(self) -> bool:
        return self.stream.file.isatty()

    def fileno(self) -> int:
        return self.stream.file.fileno()
