"""The memory of one simulated GPU: who holds how much of it, and how that came about.

Nothing here knows of processes, files or the clock of the machine: a time is what the caller says.
"""

from dataclasses import dataclass, field
from typing import Final

from tests.nvml_stub import GIB, StubGpu

LOST: Final = 15
BUSY_PERCENT: Final = 80
IDLE_WATTS: Final = 25
BUSY_WATTS: Final = 220
IDLE_CELSIUS: Final = 34
BUSY_CELSIUS: Final = 61


@dataclass(frozen=True, slots=True)
class Change:
    """One change: what a process holds after it, and what is used of the GPU in all, in bytes.

    ``pid`` is None for memory that nobody claims.
    """

    time: float
    uuid: str
    pid: int | None
    held_bytes: int
    used_bytes: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request for more bytes than were free."""

    time: float
    uuid: str
    pid: int
    asked_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Afterlife:
    """What becomes of the memory of a process that ends: it stays for ``seconds``, or until it is
    given back where that is None, shown under the dead process's pid or under nobody's.
    """

    seconds: float | None = None
    attributed: bool = True


@dataclass(frozen=True, slots=True)
class Remainder:
    """Memory that outlived its process; ``until`` is a time, None for good."""

    pid: int | None
    held_bytes: int
    until: float | None


@dataclass
class Card:
    """One simulated GPU; bytes. ``code`` other than 0 is what NVML answers for it, 15 when lost.

    ``at_rest`` is what the driver keeps for itself: used, and held by no process.
    """

    uuid: str
    total: int = 24 * GIB
    at_rest: int = GIB // 4
    name: str = "Simulated GPU"
    minor: int | None = None
    code: int = 0
    xids: list[int] = field(default_factory=list)
    afterlife: Afterlife | None = None
    trace: list[Change] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    held: dict[int, int] = field(default_factory=dict)
    remainders: list[Remainder] = field(default_factory=list)
    joules: float = 0.0
    metered_at: float | None = None

    @property
    def watts(self) -> int:
        """What it draws: much while a living process holds memory."""
        return BUSY_WATTS if self.held else IDLE_WATTS

    @property
    def used_bytes(self) -> int:
        """What is used at this moment, that of the driver included."""
        left = sum(remainder.held_bytes for remainder in self.remainders)
        return self.at_rest + sum(self.held.values()) + left

    @property
    def greatest_bytes(self) -> int:
        """The most that was ever used at once."""
        return max((change.used_bytes for change in self.trace), default=self.at_rest)

    def take(self, pid: int, size: int, now: float) -> bool:
        """Give a process that many bytes; False, and nothing given, when they are not free."""
        free = self.total - self.used_bytes
        if size > free:
            self.refusals.append(Refusal(now, self.uuid, pid, size, free))
            return False
        self.held[pid] = self.held.get(pid, 0) + size
        self._note(pid, now)
        return True

    def give(self, pid: int, now: float) -> None:
        """Take back all that a process holds."""
        if self.held.pop(pid, None) is not None:
            self._note(pid, now)

    def bury(self, pid: int, now: float) -> None:
        """A process has ended: its memory is free, unless the card was told to keep it."""
        size = self.held.get(pid, 0)
        if self.afterlife is None or not size:
            self.give(pid, now)
            return
        del self.held[pid]
        seconds = self.afterlife.seconds
        owner = pid if self.afterlife.attributed else None
        until = None if seconds is None else now + seconds
        self.remainders.append(Remainder(owner, size, until))
        self._note(pid, now)

    def is_expiring(self, now: float) -> bool:
        """Whether something has outlived its process for long enough."""
        return bool(self._over(now))

    def expire(self, now: float) -> None:
        """Free what has outlived its process for long enough."""
        self._drop(self._over(now), now)

    def give_back(self, now: float) -> None:
        """Free everything that outlived its process, and keep no more."""
        self.afterlife = None
        self._drop(list(self.remainders), now)

    def meter(self, now: float) -> None:
        """Count the energy since the last call, at what it draws now: call it before a change."""
        if self.metered_at is not None:
            self.joules += self.watts * (now - self.metered_at)
        self.metered_at = now

    def shown(self) -> StubGpu:
        """What the stub library is to say of it."""
        shown = list(self.held.items())
        shown += [(item.pid, item.held_bytes) for item in self.remainders if item.pid is not None]
        return StubGpu(
            uuid=self.uuid,
            total=self.total,
            used=self.used_bytes,
            utilisation=BUSY_PERCENT if self.held else 0,
            code=self.code,
            name=self.name,
            processes=tuple(shown),
            reserved=self.at_rest,
            minor=self.minor,
            power_milliwatts=self.watts * 1000,
            temperature=BUSY_CELSIUS if self.held else IDLE_CELSIUS,
            energy_millijoules=round(self.joules * 1000),
            xids=tuple(self.xids),
        )

    def _over(self, now: float) -> list[Remainder]:
        return [item for item in self.remainders if item.until is not None and item.until <= now]

    def _drop(self, over: list[Remainder], now: float) -> None:
        for remainder in over:
            self.remainders.remove(remainder)
            self._note(remainder.pid, now)

    def _note(self, pid: int | None, now: float) -> None:
        left = sum(item.held_bytes for item in self.remainders if item.pid == pid)
        held = left + (self.held.get(pid, 0) if pid is not None else 0)
        self.trace.append(Change(now, self.uuid, pid, held, self.used_bytes))
