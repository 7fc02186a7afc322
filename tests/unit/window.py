"""A terminal that its user may close while something is shown on it."""

import contextlib
import os
import pty
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from typing import TextIO

import pytest


@dataclass(frozen=True)
class Window:
    """A pseudo terminal: what is shown on it, and its other end, which is the user's."""

    file: TextIO
    user: FileIO

    def close(self) -> None:
        """Close it as a user does: from now on every write to it fails."""
        self.user.close()
        with pytest.raises(OSError, match="Input/output error"):
            os.write(self.file.fileno(), b"anybody?")


@contextlib.contextmanager
def opened_window() -> Iterator[Window]:
    """A window for the time of the block."""
    user, shown = pty.openpty()
    file = os.fdopen(shown, "w", encoding="utf-8")
    with FileIO(user, "r+") as end:
        yield Window(file, end)
    with contextlib.suppress(OSError):  # what nobody took is thrown away
        file.close()
