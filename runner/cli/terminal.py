"""The caller's terminal, lent to a container: keys, output, and the size of the window."""

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Final

from runner.errors import UsageError
from runner.host.container import Container
from runner.observers.plain import plain

SEPARATOR: Final = b"\x1e"
LONGEST_RECORD: Final = 8192
CHUNK: Final = 65536


def check_terminal() -> None:
    """Raise UsageError where nobody could type at a prompt."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        msg = (
            "--shell opens a prompt, and there is no terminal to type at. Call it from one, with "
            "neither input nor output redirected."
        )
        raise UsageError(msg)


def lend(container: Container) -> None:
    """Start a container on the caller's terminal, and stay with it to its end.

    Raises what the engine raises.
    """
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    records = Records()
    with contextlib.closing(container.converse()) as line, _resizes() as resized:
        container.start()
        container.resize(*_size(screen))
        with _raw(keyboard):
            while True:
                ready, _, _ = select.select([keyboard, line, resized], [], [])
                if resized in ready:
                    os.read(resized, CHUNK)
                    container.resize(*_size(screen))
                if line in ready:
                    data = line.recv(CHUNK)
                    _write(screen, records.shown(data))
                    if not data:
                        return
                if keyboard in ready:
                    typed = _typed(keyboard)
                    if not typed:
                        return
                    # A container that has just ended takes nothing more, and is about to say so.
                    with contextlib.suppress(OSError):
                        line.sendall(typed)


@dataclass
class Records:
    """Makes lines for people of the stage library's records; the rest stays as it came."""

    _held: bytes = b""

    def shown(self, data: bytes) -> bytes:
        """What to show of what has come; a record's beginning waits for its end."""
        data, self._held = self._held + data, b""
        found = []
        while SEPARATOR in data:
            before, _, data = data.partition(SEPARATOR)
            found.append(before)
            record, end, rest = data.partition(b"\n")
            if not end and len(data) < LONGEST_RECORD:
                self._held = SEPARATOR + data
                return b"".join(found)
            found.append(_in_words(record + end))
            data = rest
        return b"".join(found) + data


def _in_words(record: bytes) -> bytes:
    try:
        content = json.loads(record)
        if content["type"] == "progress":
            return b""
        return f"[{content['level']}] {plain(content['message'])}\r\n".encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return SEPARATOR + record


def _typed(keyboard: int) -> bytes:
    try:
        return os.read(keyboard, CHUNK)
    except OSError:  # the terminal is gone
        return b""


def _write(screen: int, data: bytes) -> None:
    while data:
        data = data[os.write(screen, data) :]


def _size(screen: int) -> tuple[int, int]:
    columns, rows = os.get_terminal_size(screen)
    return rows, columns


@contextlib.contextmanager
def _raw(keyboard: int) -> Iterator[None]:
    """Hand every key on as it is, Ctrl-C too; afterwards the terminal is as it was before."""
    import termios
    import tty

    before = termios.tcgetattr(keyboard)
    try:
        tty.setraw(keyboard)
        yield
    finally:
        # The terminal may be gone.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _resizes() -> Iterator[int]:
    """A descriptor that can be read whenever the window has another size."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def tell(number: int, frame: FrameType | None) -> None:
        del number, frame
        # A pipe that is full tells it already.
        with contextlib.suppress(BlockingIOError):
            os.write(writer, b"r")

    before = signal.signal(signal.SIGWINCH, tell)
    try:
        yield reader
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(reader)
        os.close(writer)
