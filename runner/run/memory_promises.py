"""Memory that runs on this machine were promised and may not hold yet.

A container needs a while until it has filled the memory that its stage needs, and until then the
kernel calls it available. So each run notes what it was promised, where every runner of this user
finds it.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from runner.errors import NotAdmittedError
from runner.host.machine import ProcessIdentity, is_alive, memory_available_bytes
from runner.job.folder import Job
from runner.job.job_manifest import read_record
from runner.job.own_file import open_regular
from runner.project.quantity import size_text
from runner.run.request import Request
from runner.run.runtime_folder import runtime_folder, try_lock, unlock, unusable

# Two runs of the same stage are never quite alike.
MARGIN: Final = 1.25
# Looking and noting takes a thousandth of that.
TURN_SECONDS: Final = 2.0
LOCK: Final = "lock"


@dataclass(frozen=True)
class Promise:
    """What was available when the first stage got some, and what all may use, in bytes."""

    free_bytes: int
    asked_bytes: int

    def open_bytes(self, free_now: int) -> int:
        """What they may still take: the memory that is no longer free they have taken already."""
        return max(0, self.asked_bytes - max(0, self.free_bytes - free_now))


@dataclass(frozen=True, kw_only=True)
class MemoryNote:
    """What one run was promised, and what was available then, in bytes."""

    runner: ProcessIdentity
    asked_bytes: int
    available_bytes: int


@dataclass(frozen=True)
class Shortage:
    """Why the memory does not suffice now; ``ours`` when a stage of this process holds some."""

    reason: str
    ours: bool


def expected_bytes(request: Request, job: Job, entry: Mapping[str, Any] | None) -> int | None:
    """What a run will need: somewhat more than the last good run did, and no more than its limit.

    ``entry`` is what the job manifest has of the stage. None where nothing is known.
    """
    record = read_record(job, entry["good_run_id"]) if entry and entry["good_run_id"] else None
    peak = ((record or {}).get("usage") or {}).get("memory_peak_bytes")
    known = (request.limits.values.memory, round(peak * MARGIN) if isinstance(peak, int) else None)
    return min((size for size in known if size), default=None)


def promise(
    request: Request, asked: int, runner: ProcessIdentity, held: contextlib.ExitStack
) -> Shortage | None:
    """Note a promise until ``held`` ends, unless there is too little; then say why.

    Raises NotAdmittedError where the notes cannot be kept.
    """
    folder = runtime_folder("memory")
    try:
        with _turn(folder) as has_turn:
            if not has_turn:
                return Shortage(
                    f"{folder / LOCK} is held by a runner that stands still", ours=False
                )
            available = memory_available_bytes()
            others = _notes(folder)
            promised = _still_to_be_taken(others, available or 0)
            if available is not None and asked > available - promised:
                return Shortage(
                    _shortage(request, asked, available, promised),
                    ours=any(note.runner == runner for note in others),
                )
            note = MemoryNote(runner=runner, asked_bytes=asked, available_bytes=available or 0)
            path = folder / f"{runner.pid}-{os.urandom(4).hex()}.json"
            path.write_text(json.dumps(asdict(note)), encoding="utf-8")
    except OSError as problem:
        raise NotAdmittedError(unusable(folder, f"cannot be used: {problem.strerror}")) from None
    held.callback(path.unlink, missing_ok=True)
    return None


def _shortage(request: Request, asked: int, available: int, promised: int) -> str:
    reason = (
        f"{request.stage.id} may need {size_text(asked)} of memory, and {size_text(available)} "
        "are available on this machine"
    )
    if not promised:
        return reason
    return f"{reason}, of which stages that run are still to take {size_text(promised)}"


def _still_to_be_taken(notes: list[MemoryNote], available: int) -> int:
    if not notes:
        return 0
    before = max(note.available_bytes for note in notes)
    return Promise(before, sum(note.asked_bytes for note in notes)).open_bytes(available)


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[bool]:
    """One runner at a time looks and notes; yields False while another one does not get on."""
    descriptor = open_regular(folder / LOCK, os.O_RDWR | os.O_CREAT)
    end = time.monotonic() + TURN_SECONDS
    try:
        while not (has_turn := try_lock(descriptor)) and time.monotonic() < end:
            time.sleep(0.01)
        yield has_turn
    finally:
        # A process that was forked meanwhile has the descriptor too, and would keep the lock.
        unlock(descriptor)
        os.close(descriptor)


def _notes(folder: Path) -> list[MemoryNote]:
    """The promises of living runners; those of dead ones are removed."""
    found = []
    for path in folder.glob("*.json"):
        note = _read(path)
        if note is not None and is_alive(note.runner):
            found.append(note)
        else:
            path.unlink(missing_ok=True)
    return found


def _read(path: Path) -> MemoryNote | None:
    with contextlib.suppress(OSError, ValueError, TypeError):
        content: dict[str, Any] = json.loads(path.read_bytes())
        return MemoryNote(**{**content, "runner": ProcessIdentity(**content["runner"])})
    return None
