"""Watching a run on its GPUs: whether it takes too much, others take it, or the GPU goes away."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.errors import StagerunError
from runner.events import Notice, Observer
from runner.gpu.account import TOLERANCE_BYTES
from runner.gpu.box import GpuBox
from runner.host.gpu import Grant
from runner.project.quantity import limit_text
from runner.project.stage import StageSpec
from runner.run.facts import GPU_LIMIT, GPU_LOST, Stop

if TYPE_CHECKING:
    from runner.host.monitor import Sample

ROOT: Final = Path("/")


class GpuWatch:
    """Looks at every sample of a run; what the user must know is told once, and kept as a note.

    With ``enforced`` a run that takes more than it has is to be stopped.
    """

    def __init__(
        self,
        stage: StageSpec,
        grant: Grant,
        box: Callable[[], GpuBox],
        emit: Observer,
        *,
        enforced: bool,
    ) -> None:
        self._stage = stage
        self._enforced = enforced
        self._shares = dict(zip(grant.uuids, grant.shares, strict=False))
        self._box = box
        self._emit = emit
        self._notes: dict[str, str] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was told."""
        return tuple(self._notes.values())

    def __call__(self, sample: "Sample") -> Stop | None:
        """Whether the run has to be stopped for what a sample shows."""
        for uuid, trouble in sample.gpu.troubles.items():
            return Stop(GPU_LOST, f"{uuid}: {trouble}")
        for uuid, share in self._shares.items():
            held = sample.gpu.held.get(uuid)
            if held is None or not share:
                continue
            if held > share + TOLERANCE_BYTES:
                story = (
                    f"it holds {limit_text(held)} of the memory of {uuid}, and {limit_text(share)} "
                    "were reserved for it"
                )
                if self._enforced:
                    return Stop(GPU_LIMIT, story, at_once=True)
                self._tell("over", f"{story}; raise gpu_memory")
            self._look_at_room(sample, uuid, share - held)
        return None

    def _look_at_room(self, sample: "Sample", uuid: str, due: int) -> None:
        """Tell when the rest of what was reserved is no longer there to be taken."""
        reading = sample.gpu.readings[uuid]
        total, used = reading.memory_total_bytes, reading.memory_used_bytes
        if "room" in self._notes or total is None or used is None:
            return
        if total - used + TOLERANCE_BYTES >= due:
            return
        self._tell(
            "room",
            f"{limit_text(max(0, total - used))} of the memory of {uuid} are free, and "
            f"{limit_text(due)} that were reserved may yet be needed: {self._takers(uuid)}",
        )

    def _takers(self, uuid: str) -> str:
        try:
            account = self._box().look().accounts.get(uuid)
        except StagerunError:
            account = None
        strangers = account.strangers if account else ()
        named = [
            f"process {process.pid} ({program_of(process.pid)})"
            + (f" holds {limit_text(process.memory_bytes)}" if process.memory_bytes else "")
            for process in sorted(strangers, key=lambda it: -(it.memory_bytes or 0))
        ]
        return ", ".join(named[:3]) or "something that the driver does not name has it"

    def _tell(self, what: str, text: str) -> None:
        if what not in self._notes:
            self._notes[what] = text
            self._emit(Notice(stage=self._stage.id, message=text))


def program_of(pid: int, root: Path = ROOT) -> str:
    """What a process runs, as far as this user may know."""
    try:
        name = (root / "proc" / str(pid) / "comm").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "its program cannot be told"
    return "".join(character for character in name.strip() if character.isprintable()) or "?"
