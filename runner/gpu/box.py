"""The GPUs of this machine as a run may have them: what the driver and the ledger say together."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.errors import SettingsError
from runner.gpu.account import Account, accounts, has_returned
from runner.gpu.ledger import Ledger
from runner.gpu.reservation import Reservation, State
from runner.gpu.sickness import SickMarks
from runner.host.cgroup import ROOT, is_member
from runner.host.gpu import Absence, Inventory
from runner.host.nvml import Gpu


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was found within one turn: accounts of the GPUs that may be used, by UUID.

    ``sick`` says why others are left out, by UUID.
    """

    inventory: Inventory
    entries: tuple[Reservation, ...]
    accounts: dict[str, Account]
    sick: dict[str, str]

    @property
    def is_passing(self) -> bool:
        """Whether GPUs are left out, or silent, that may be there again in a while."""
        return bool(self.sick) or is_passing(self.inventory)

    @property
    def missing(self) -> tuple[str, ...]:
        """Which GPUs those are, and why, as clauses."""
        return (
            *(f"{uuid} is left out: {why}" for uuid, why in self.sick.items()),
            *(f"GPU {it.index} does not answer: {it.detail}" for it in self.inventory.faults),
        )


@dataclass(frozen=True, kw_only=True)
class GpuBox:
    """The machine's GPUs and their ledger.

    ``head_room_bytes`` of each are never granted; ``only`` are the UUIDs that may be used, None for
    all. ``is_member`` tells whether a process is one of a container's.
    """

    ledger: Ledger
    inventory: Callable[[], Inventory]
    head_room_bytes: int = 0
    only: tuple[str, ...] | None = None
    is_member: Callable[[int, str], bool] = is_member

    @contextlib.contextmanager
    def turn(self) -> Iterator[Look]:
        """Look, and be the only one to write while the block lasts.

        What was left on a GPU and has come back is taken off the ledger. Raises
        GpuUnavailableError where the ledger cannot be used, and SettingsError for an unknown UUID.
        """
        # Before the turn: a driver may need seconds, and nobody else shall wait for it.
        found = self.inventory()
        with self.ledger.turn():
            yield self._look(found)

    def look(self, found: Inventory | None = None) -> Look:
        """The same without a turn of one's own to write in, of GPUs that were ``found`` before."""
        if found is None:
            found = self.inventory()
        with self.ledger.turn():
            return self._look(found)

    def mark_sick(self, uuid: str, reason: str) -> None:
        """Leave a GPU out until it answers again, and for a while at least."""
        with self.ledger.turn():
            SickMarks(self.ledger).put(uuid, reason)

    def _look(self, found: Inventory) -> Look:
        gpus = {gpu.uuid: gpu for gpu in found.gpus}
        entries = []
        for entry in self.ledger.entries():
            # Which of its GPUs does not answer, a driver does not say.
            knows = found.absence is None and (
                not found.faults or entry.shares.keys() <= gpus.keys()
            )
            if entry.state is State.KEPT and knows and has_returned(entry, gpus):
                self.ledger.remove(entry.id)
            else:
                entries.append(entry)
        marks = SickMarks(self.ledger).reasons()
        reasons = {uuid: marks.get(uuid) or no_node(gpu) for uuid, gpu in gpus.items()}
        sick = {uuid: why for uuid, why in reasons.items() if why}
        usable = [gpu for gpu in self._allowed(found) if gpu.uuid not in sick]
        return Look(
            inventory=found,
            entries=tuple(entries),
            accounts=accounts(usable, entries, self.head_room_bytes, self.is_member),
            sick=sick,
        )

    def _allowed(self, found: Inventory) -> list[Gpu]:
        if self.only is None:
            return list(found.gpus)
        there = {gpu.uuid: gpu for gpu in found.gpus}
        unknown = [uuid for uuid in self.only if uuid not in there]
        # One of several that is gone is for `stagerun doctor` to tell; the others go on.
        if len(unknown) == len(self.only) and there and not found.faults:
            msg = (
                f"stagerun.yaml names {unknown[0]} under gpu: only, and this machine has "
                f"{', '.join(there)}. Correct it there."
            )
            raise SettingsError(msg)
        return [there[uuid] for uuid in self.only if uuid in there]


def is_passing(found: Inventory) -> bool:
    """Whether GPUs are silent that may answer again in a while."""
    return bool(found.faults) or found.absence in (Absence.NOT_ANSWERING, Absence.ERROR)


def no_node(gpu: Gpu, root: Path = ROOT) -> str | None:
    """That a GPU has no device node any more, by which programs use it; None where it has."""
    node = root / f"dev/nvidia{gpu.minor}"
    # Some systems give programs their GPUs otherwise, and have none of these.
    if gpu.minor is None or not (root / "dev/nvidiactl").exists() or node.exists():
        return None
    return f"its device node {node} is gone"
