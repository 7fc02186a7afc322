"""A pseudo terminal for the command line, and what it shows."""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.project_kit import STAGERUN, Kit

OF_OTHER_TERMINALS: Final = {"NO_COLOR", "COLUMNS", "LINES"}
"""Variables that would count before what this terminal is; pytest's workers have some of them."""


@dataclass
class Terminal:
    """A command on a pseudo terminal, and what it has written so far."""

    process: "subprocess.Popen[bytes]"
    master: int
    text: str = ""
    rest: bytes = field(default=b"")

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.master, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        """Give the window another size, as a window manager does."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def read(self, until: Callable[[str], bool] = lambda _: False, seconds: float = 60) -> str:
        """Read until the text is as wanted, or to the end."""
        end = time.monotonic() + seconds
        while not until(self.text):
            assert time.monotonic() < end, self.text
            try:
                chunk = os.read(self.master, 65536)
            except OSError:  # how a pseudo terminal says that the other side is closed
                break
            self.rest += chunk
            self.text = self.rest.decode("utf-8", "replace")
        return self.text


@contextlib.contextmanager
def on_terminal(
    kit: Kit, *words: str, keyboard: bool = False, **environment: str
) -> Iterator[Terminal]:
    """Call stagerun on a terminal of 24 lines; with ``keyboard`` it can be typed at."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    base = {name: text for name, text in os.environ.items() if name not in OF_OTHER_TERMINALS}
    process = subprocess.Popen(
        ["env", "--default-signal=HUP,INT,TERM", str(STAGERUN), *words],
        cwd=kit.root,
        env={**base, "TERM": "xterm-256color", **environment},
        stdin=slave if keyboard else subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)
