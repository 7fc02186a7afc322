"""The command line, stopped or killed at a named step: ``python -m tests.soak.faulty_stagerun``.

It is what the tests start in place of ``stagerun``. The environment says what happens, see
``fault.py``; without it the command line runs as ever.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from runner.cli.main import main
from tests.soak.fault import FAULT, JOB, TRACE, Fault
from tests.soak.fault_points import install

# Taken before it is wrapped.
write = os.write


@dataclass
class Striking:
    """Sends this process its signal when it comes to a step for the nth time."""

    fault: Fault
    _passed: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, step: str) -> None:
        """Count, and strike."""
        if step != self.fault.step:
            return
        with self._guard:
            self._passed += 1
            strikes = self._passed == self.fault.nth
        if strikes:
            os.kill(os.getpid(), getattr(signal, self.fault.signal))


def tracing(path: str) -> Callable[[str], None]:
    """Writes down every step that is come to, a line each."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(step: str) -> None:
        write(descriptor, f"{step}\n".encode())

    return note


def prepare() -> None:
    """Do what the environment asks for."""
    if fault := os.environ.pop(FAULT, None):
        install(Path(os.environ.pop(JOB)), Striking(Fault.parse(fault)))
    elif trace := os.environ.pop(TRACE, None):
        install(Path(os.environ.pop(JOB)), tracing(trace))


if __name__ == "__main__":
    prepare()
    sys.exit(main())
