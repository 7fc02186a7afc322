"""The caller's terminal, lent to a container: keys, output, and the size of the window."""

import contextlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
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


def lend(container: Container, keyboard: int | None = None, screen: int | None = None) -> None:
    """Start a container on a terminal, the caller's own, and stay with it to its end.

    Raises what the engine raises.
    """
    keyboard = sys.stdin.fileno() if keyboard is None else keyboard
    screen = sys.stdout.fileno() if screen is None else screen
    with (
        contextlib.closing(container.converse()) as line,
        _resizes() as resized,
        _raw(keyboard),
    ):
        line.setblocking(False)
        container.start()
        container.resize(*_size(screen))
        exchange = Exchange(line, keyboard, screen)
        while exchange.goes_on(resized):
            if exchange.is_resized:
                os.read(resized, CHUNK)
                container.resize(*_size(screen))


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


@dataclass
class Exchange:
    """Keys go one way and output the other; neither has to wait for the other to be taken."""

    line: socket.socket
    keyboard: int
    screen: int
    is_resized: bool = False
    _typed: bytes = b""
    _records: Records = field(default_factory=Records)

    def goes_on(self, resized: int) -> bool:
        """Wait for something to happen and hand it on; False at the end of either side."""
        line = self.line.fileno()
        sources = [line, resized, *([] if self._typed else [self.keyboard])]
        targets = [line] if self._typed else []
        ready, writable, _ = select.select(sources, targets, [])
        self.is_resized = resized in ready
        is_open = self._show() if line in ready else True
        if self.keyboard in ready:
            self._typed = _typed(self.keyboard)
            is_open = is_open and bool(self._typed)
        if writable:
            self._send()
        return is_open

    def _show(self) -> bool:
        try:
            data = self.line.recv(CHUNK)
        except BlockingIOError:
            return True
        except OSError:  # the engine is gone, and the container with it
            return False
        _write(self.screen, self._records.shown(data))
        return bool(data)

    def _send(self) -> None:
        try:
            self._typed = self._typed[self.line.send(self._typed) :]
        except BlockingIOError:
            return
        except OSError:  # a container that has just ended takes nothing more
            self._typed = b""


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
        # What was typed ahead is for the prompt.
        tty.setraw(keyboard, termios.TCSADRAIN)
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
