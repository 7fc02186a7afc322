"""Unit tests start no process: whoever tries is told so at once."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.unit.window import Window, opened_window

STARTS = frozenset(
    {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
)


@dataclass
class Guard:
    """Refuses new processes while a unit test runs."""

    active: bool = False
    refused: list[str] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.active and event in STARTS:
            self.refused.append(f"{event} {arguments[:2]}")
            msg = f"a unit test starts no process: {self.refused[-1]}"
            raise RuntimeError(msg)


GUARD = Guard()
# An audit hook stays for the life of the process; the guard is active in unit tests alone.
sys.addaudithook(GUARD)


@pytest.fixture(autouse=True)
def no_processes() -> Iterator[Guard]:
    """Starting a process raises, and also fails the test when the error was swallowed."""
    GUARD.refused.clear()
    GUARD.active = True
    yield GUARD
    GUARD.active = False
    assert not GUARD.refused


@pytest.fixture
def window() -> Iterator[Window]:
    """A terminal that its user may close while something is shown on it."""
    with opened_window() as window:
        yield window
