"""GPUs, entries and a box in memory, or in a folder of the test's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.gpu.box import GpuBox
from runner.gpu.ledger import Ledger
from runner.gpu.reservation import Reservation, State
from runner.host.gpu import GpuFault, Inventory
from runner.host.machine import ProcessIdentity
from runner.host.nvml import Gpu, GpuProcess

GIB = 1 << 30
ME = ProcessIdentity(pid=11, started=1, boot_id="boot", machine_id="machine")
OTHER = replace(ME, pid=12)
DEAD = replace(ME, pid=13)


def gpu(
    number: int = 0,
    *,
    total: int = 24,
    used: int = 0,
    reserved: int = 0,
    processes: tuple[tuple[int, int], ...] = (),
    drawing: tuple[tuple[int, int], ...] = (),
) -> Gpu:
    """A GPU; its figures and those of its processes (pid and held) in GiB."""
    computes = ((processes, True), (drawing, False))
    return Gpu(
        uuid=f"GPU-{number}",
        index=number,
        name="Fake",
        memory_total_bytes=total * GIB,
        memory_used_bytes=used * GIB,
        driver_version="1",
        memory_reserved_bytes=reserved * GIB,
        processes=tuple(
            GpuProcess(pid, held * GIB, computes=it) for some, it in computes for pid, held in some
        ),
    )


def entry(
    name: str,
    shares: Mapping[int, int],
    *,
    state: State = State.HELD,
    ticket: int = 1,
    owner: ProcessIdentity = OTHER,
    container: str | None = None,
    started: bool = True,
    whole: bool = False,
    holders: tuple[int, ...] = (),
) -> Reservation:
    """An entry; its shares are GiB by the GPU's number."""
    return Reservation(
        id=name,
        state=state,
        owner=owner,
        user="anna",
        job=f"out/{name}",
        stage="06_asr",
        ticket=ticket,
        since=ticket,
        count=max(1, len(shares)),
        shares={f"GPU-{number}": size * GIB for number, size in shares.items()},
        container_id=container,
        started=started,
        whole=whole,
        holders=holders,
    )


@dataclass
class Machine:
    """GPUs that change, and the processes and containers that live."""

    folder: Path
    gpus: tuple[Gpu, ...] = (gpu(0), gpu(1))
    faults: tuple[GpuFault, ...] = ()
    alive: set[ProcessIdentity] = field(default_factory=lambda: {ME, OTHER})
    stopped: set[ProcessIdentity] = field(default_factory=set)
    containers: dict[str, set[int]] = field(default_factory=dict)
    inventory: Callable[[], Inventory] | None = None

    def ledger(self, me: ProcessIdentity = ME) -> Ledger:
        """The ledger as a process sees it."""
        return Ledger(
            folder=self.folder,
            me=me,
            lives=lambda process: process in self.alive,
            stopped=lambda process: process in self.stopped,
            container_lives=lambda container: container in self.containers,
        )

    def box(self, me: ProcessIdentity = ME, **parts: object) -> GpuBox:
        """The box as a process sees it."""
        box = GpuBox(
            ledger=self.ledger(me),
            inventory=self.inventory or (lambda: Inventory(gpus=self.gpus, faults=self.faults)),
            is_member=lambda pid, container: pid in self.containers.get(container, ()),
        )
        return replace(box, **parts)  # type: ignore[arg-type]  # each part has its own type

    def files(self) -> set[str]:
        """What lies in the ledger."""
        return {path.name for path in self.folder.iterdir()}
