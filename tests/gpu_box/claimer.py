"""A process that reserves memory of simulated GPUs again and again, and takes what it was granted.

It stands for a runner with its container: its own pid is what its reservations name as container.
Each round is a line of JSON on standard output.
"""

import json
import os
import random
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from runner.gpu.box import GpuBox
from runner.gpu.ledger import Ledger
from runner.gpu.placement import GpuMemory, Wish
from runner.gpu.reserving import Claimant, reserved
from runner.host.gpu import inventory
from runner.host.machine import ProcessIdentity, process_exists
from tests.gpu_box import fake_cuda
from tests.nvml_stub import GIB

SIZES: Final[tuple[GpuMemory, ...]] = (GIB, 2 * GIB, 3 * GIB, 6 * GIB, 11 * GIB, 23 * GIB, "all")
WAIT_SECONDS: Final = 600.0
LONGEST_USE_SECONDS: Final = 0.03


@dataclass(frozen=True, kw_only=True)
class Round:
    """One reservation: seconds until it was granted, bytes by UUID, how many a GPU refused."""

    seconds: float
    waited: bool
    whole: bool
    shares: dict[str, int]
    refused: int = 0


def gpu_box(folder: Path) -> GpuBox:
    """The simulated GPUs and the ledger in that folder, with processes in place of containers."""
    ledger = Ledger(
        folder=folder,
        me=ProcessIdentity.current(),
        container_lives=lambda container: process_exists(int(container)),
    )
    return GpuBox(
        ledger=ledger,
        inventory=inventory,
        is_member=lambda pid, container: str(pid) == container,
    )


def claim(box: GpuBox, wish: Wish, name: str) -> Round:
    """Reserve, take all that was granted, use it for a moment, and give it back."""
    began = time.monotonic()
    told: list[str] = []
    with reserved(
        wish,
        Claimant(stage=name, job=name),
        box,
        wait_seconds=WAIT_SECONDS,
        stopped=lambda: None,
        waiting=told.append,
    ) as held:
        seconds = time.monotonic() - began
        held.note_container(name, str(os.getpid()))
        shares = dict(held.entry.shares)
        refused = sum(not _taken(uuid, size) for uuid, size in shares.items())
        time.sleep(random.uniform(0, LONGEST_USE_SECONDS))
        for uuid in shares:
            fake_cuda.free(uuid)
    whole = wish.memory == "all"
    return Round(seconds=seconds, waited=bool(told), whole=whole, shares=shares, refused=refused)


def _taken(uuid: str, size: int) -> bool:
    try:
        fake_cuda.allocate(size, uuid)
    except fake_cuda.OutOfMemoryError:
        return False
    return True


def main(folder: str, name: str, rounds: str) -> None:
    """Do so many rounds, each with a wish drawn by lot."""
    box = gpu_box(Path(folder))
    for _ in range(int(rounds)):
        count = 2 if random.random() < 0.1 else 1
        wish = Wish(count=count, memory=random.choice(SIZES))
        sys.stdout.write(json.dumps(asdict(claim(box, wish, name))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
