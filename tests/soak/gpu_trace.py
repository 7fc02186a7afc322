"""Who had which GPU memory and when, told by the claimants themselves, and what was wrong in that.

The trace knows nothing of the ledger. A claimant writes a line after it was granted memory and one
before it gives it back, so that what two lines hold at once was really granted at once.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal

What = Literal["asks", "has", "gives", "refused", "is killed", "wrong"]
NO_SHARES: Final[Mapping[str, int]] = {}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the trace: what the life of a process came to; ``at`` is monotonic, in seconds.

    A ``life`` is told from others even where the kernel gives a number again. ``alone`` is whether
    the GPUs are its own.
    """

    at: float
    what: What
    life: str
    text: str = ""
    shares: Mapping[str, int] = field(default_factory=lambda: NO_SHARES)
    alone: bool = False


@dataclass(frozen=True)
class Trace:
    """A file to which processes append whole lines."""

    path: Path

    def add(self, line: Line) -> None:
        """Append a line; the kernel puts those of several processes one after the other."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, f"{json.dumps(asdict(line))}\n".encode())
        finally:
            os.close(descriptor)

    def lines(self) -> Iterator[Line]:
        """All lines, in the order in which they were written."""
        with self.path.open(encoding="utf-8") as file:
            for text in file:
                yield Line(**json.loads(text))


@dataclass
class Replay:
    """What a trace comes to: memory in bytes by UUID, waits in seconds."""

    limits: Mapping[str, int]
    most: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    waits: list[tuple[float, str]] = field(default_factory=list)
    granted: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    _held: dict[str, Line] = field(default_factory=dict)
    _asked: dict[str, Line] = field(default_factory=dict)
    _dead: set[str] = field(default_factory=set)

    def take(self, line: Line) -> None:
        """Go on by one line."""
        if line.what == "is killed":
            self._end(line)
        # A line that was on its way when its process was killed tells of nothing that lives.
        elif line.life not in self._dead:
            self._go_on(line)

    def _end(self, line: Line) -> None:
        state = "it held memory" if line.life in self._held else "it waited"
        if line.life not in self._held and line.life not in self._asked:
            state = "it did neither"
        self.killed[line.text or state] += 1
        self._dead.add(line.life)
        self._held.pop(line.life, None)
        self._asked.pop(line.life, None)

    def _go_on(self, line: Line) -> None:
        if line.what == "asks":
            self._asked[line.life] = line
        elif line.what == "has":
            self._has(line)
        elif line.what == "gives":
            del self._held[line.life]
        else:
            self.wrong.append(f"{line.life} {line.what}: {line.text}")

    def _has(self, line: Line) -> None:
        asked = self._asked.pop(line.life)
        self.waits.append((line.at - asked.at, asked.text))
        self.granted += 1
        self._held[line.life] = line
        for uuid in line.shares:
            there = [other for other in self._held.values() if uuid in other.shares]
            total = sum(other.shares[uuid] for other in there)
            self.most[uuid] = max(self.most[uuid], total)
            if total > self.limits[uuid]:
                self.wrong.append(f"{total} bytes of {uuid} were granted at once at {line.at}")
            if len(there) > 1 and any(other.alone for other in there):
                names = ", ".join(other.life for other in there)
                self.wrong.append(f"{uuid} was one's own and shared by {names} at {line.at}")


def replay(trace: Trace, limits: Mapping[str, int]) -> Replay:
    """Check a trace against what may be granted of each GPU, in bytes by UUID."""
    found = Replay(limits)
    for line in trace.lines():
        found.take(line)
    return found
