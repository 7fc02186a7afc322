"""A process that reserves GPU memory again and again, and may be killed at any moment."""

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from runner.errors import StagerunError
from runner.gpu.box import GpuBox
from runner.gpu.ledger import Ledger
from runner.gpu.placement import Wish
from runner.gpu.reservation import Reservation
from runner.gpu.reserving import Claimant, reserved
from runner.host.gpu import inventory
from runner.host.machine import ProcessIdentity, is_alive
from tests.soak.gpu_trace import Line, Trace

GIB: Final = 1 << 30
HEAD_ROOM: Final = GIB // 2
WAIT_SECONDS: Final = 500.0
LONGEST_HOLD_SECONDS: Final = 0.02
LOCKED, WRITTEN, HELD = "it had the lock", "it had written its entry", "it held memory"
# A process holds memory once while it has the lock many times.
HELD_FACTOR: Final = 10


def box_in(folder: Path) -> GpuBox:
    """The GPUs of the machine and the ledger in a folder, as this process sees them."""
    ledger = Ledger(folder=folder, me=ProcessIdentity.current())
    return GpuBox(ledger=ledger, inventory=inventory, head_room_bytes=HEAD_ROOM)


def random_wish(dice: random.Random) -> Wish:
    """Mostly some GiB of a GPU; at times of two, a whole one, or one without anything known."""
    kind = dice.random()
    if kind < 0.05:
        return Wish(memory="all")
    if kind < 0.1:
        return Wish()
    size = dice.choice([1, 2, 3, 4, 6, 8, 12, 16, 22])
    return Wish(memory=size * GIB, count=2 if kind < 0.2 else 1)


@dataclass(frozen=True)
class MortalLedger(Ledger):
    """A ledger whose process kills itself at the steps that a kill from outside seldom meets."""

    die: Callable[[str], None]

    def write(self, entry: Reservation) -> None:
        self.die(LOCKED)
        super().write(entry)
        self.die(WRITTEN)


@dataclass(frozen=True, kw_only=True)
class Reserver:
    """What one process does: so many reservations, each traced; ``deadly`` is how often it dies."""

    folder: Path
    trace: Trace
    life: str
    count: int
    deadly: float
    dice: random.Random

    def run(self) -> None:
        """Do it."""
        box = box_in(self.folder)
        mortal = MortalLedger(
            folder=self.folder, me=box.ledger.me, lives=self._lives, die=self._may_die
        )
        box = replace(box, ledger=mortal)
        for _ in range(self.count):
            self._reserve_once(box)

    def _reserve_once(self, box: GpuBox) -> None:
        wish = random_wish(self.dice)
        alone = not isinstance(wish.memory, int)
        self._tell("asks", text=f"{wish.count} x {_size_of(wish)}")
        try:
            with reserved(
                wish,
                Claimant(stage="50_probe", job=self.life),
                box,
                wait_seconds=WAIT_SECONDS,
                stopped=lambda: None,
                waiting=lambda _: None,
            ) as held:
                self._tell("has", shares=dict(held.entry.shares), alone=alone)
                time.sleep(self.dice.uniform(0, LONGEST_HOLD_SECONDS))
                self._may_die(HELD, HELD_FACTOR)
                self._tell("gives")
        except StagerunError as problem:
            self._tell("refused", text=str(problem))

    def _lives(self, process: ProcessIdentity) -> bool:
        if self.dice.random() < 0.05:
            self._may_die(LOCKED)
        return is_alive(process)

    def _may_die(self, moment: str, factor: int = 1) -> None:
        if self.dice.random() < self.deadly * factor:
            self._tell("is killed", text=moment)
            os.kill(os.getpid(), signal.SIGKILL)

    def _tell(self, what: str, **parts: object) -> None:
        line = Line(at=time.monotonic(), what=what, life=self.life, **parts)  # type: ignore[arg-type]  # each part has its own type
        self.trace.add(line)


def _size_of(wish: Wish) -> str:
    if isinstance(wish.memory, int):
        return f"{wish.memory // GIB} GiB"
    return "a whole GPU" if wish.memory == "all" else "a GPU without others"
