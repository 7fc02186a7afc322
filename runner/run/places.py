"""Places among the stages that run at once on this machine, and the memory for each."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.errors import CancelledError, NotAdmittedError
from runner.events import Event, Observer, StageWaiting, WaitsFor
from runner.host.machine import ProcessIdentity
from runner.job.own_file import open_regular
from runner.run.request import Request
from runner.run.runtime_folder import runtime_folder, try_lock, unlock, unusable

SHORTEST_PAUSE_SECONDS: Final = 0.02
LONGEST_PAUSE_SECONDS: Final = 0.2
"""From one look to the next, in proportion to the wait: many that wait for long look seldom."""

STEADY_SECONDS: Final = 3.0
"""When it is no longer memory that a run waits for, but a place."""

_TAKEN: Final[set[int]] = set()
"""The places that the stages of this process have: each ends by itself, and is waited for."""


@dataclass(frozen=True)
class _Refusal:
    """Why not now, and what else to do; ``ours`` when a stage of this call is in the way."""

    reason: str
    advice: str
    ours: bool = False
    waits_for: WaitsFor = WaitsFor.RESOURCE


@dataclass(eq=False, kw_only=True)
class Candidate:
    """A run that asks for a place and for memory.

    ``memory`` is what it needs, in bytes; ``stopped`` names who wants the run no more.
    """

    request: Request
    memory: int | None
    runner: ProcessIdentity
    stopped: Callable[[], str | None]
    emit: Observer
    has_waited: bool = False
    _deadline: float | None = None
    _told: WaitsFor | None = None
    _cause: WaitsFor | None = None
    _caused_at: float = 0.0
    _places: "_Places" = field(init=False)

    def __post_init__(self) -> None:
        self._places = _Places(self.request.project.settings.limits.stages_at_once)

    @property
    def seconds_left(self) -> float:
        """How much longer it may wait: the time counts from the first look for a place.

        What it waited for a GPU before has a limit of its own.
        """
        if self._deadline is None:
            return self.request.options.wait_seconds
        return max(0.0, self._deadline - time.monotonic())

    def tell(self, event: Event) -> None:
        """Tell what else it waits for; what was told before is told again when it comes back."""
        self.has_waited = True
        self._told = None
        self.emit(event)

    @contextlib.contextmanager
    def place(self, *, within: float = math.inf) -> Iterator[bool]:
        """A place and the memory for the time of the block, waited for as long as allowed.

        Another stage of this call is waited for in any case. Yields False where so many seconds
        were not enough and it may be waited for longer than that. Raises NotAdmittedError, with the
        numbers, and CancelledError.
        """
        left = self.seconds_left
        if self._deadline is None:
            self._deadline = time.monotonic() + left
        with contextlib.ExitStack() as held:
            held.callback(self._places.close)
            yield self._wait(held, within if within < left else math.inf)

    def _wait(self, held: contextlib.ExitStack, seconds: float) -> bool:
        began = time.monotonic()
        while (refusal := self._take(held)) is not None:
            if who := self.stopped():
                msg = f"not started: cancelled by {who} while waiting for a place"
                raise CancelledError(msg)
            if not self.seconds_left and not refusal.ours:
                msg = f"{refusal.reason}. {refusal.advice}"
                raise NotAdmittedError(msg)
            waited = time.monotonic() - began
            if waited >= seconds:
                return False
            self._tell_why(refusal)
            # File locks tell nobody when they are free, and a place that nobody takes is lost time.
            pause = max(SHORTEST_PAUSE_SECONDS, waited / 20)
            time.sleep(min(LONGEST_PAUSE_SECONDS, pause))
        return True

    def _take(self, held: contextlib.ExitStack) -> _Refusal | None:
        refusal = self._places.take() or self._take_memory(held)
        if refusal is not None:
            # Who waits for memory keeps nobody from running who needs less.
            self._places.give_back()
        return refusal

    def _take_memory(self, held: contextlib.ExitStack) -> _Refusal | None:
        from runner.run.memory_promises import promise

        if self.memory is None:
            return None
        shortage = promise(self.request, self.memory, self.runner, held)
        advice = "Wait until there is more (--wait), or lower its limit with --memory."
        return _Refusal(shortage.reason, advice, shortage.ours) if shortage else None

    def _tell_why(self, refusal: _Refusal) -> None:
        self.has_waited = True
        cause, now = refusal.waits_for, time.monotonic()
        if cause is not self._cause:
            self._cause, self._caused_at = cause, now
        # While memory is short it is beside the point that the places are taken at the moment, too.
        is_beside = self._told is WaitsFor.RESOURCE and now - self._caused_at < STEADY_SECONDS
        if cause is not self._told and not is_beside:
            self._told = cause
            stage, reason = self.request.stage.id, refusal.reason
            self.emit(StageWaiting(stage=stage, reason=reason, waits_for=cause))


class _Places:
    """The places of this machine. Only the one that is taken stays open: many wait for many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: int | None = None
        self._has_stood_back = False

    def take(self) -> _Refusal | None:
        """Lock the first free one."""
        # Before the look: a place that is let go meanwhile is free only at the next one.
        ours = self._has_stood_back or bool(_TAKEN)
        folder = runtime_folder("slots")
        if any(self._try(folder / f"{number}.lock") for number in range(self._limit)):
            return None
        return _Refusal(
            f"{self._limit} stages run at once here already (stagerun.yaml: limits.stages_at_once)",
            "Wait for one to end (--wait), or raise it.",
            # The place that it gave back may have gone to another stage of this call.
            ours=ours,
            waits_for=WaitsFor.PLACE,
        )

    def _try(self, place: Path) -> bool:
        descriptor = _opened(place)
        if try_lock(descriptor):
            self._taken = descriptor
            _TAKEN.add(descriptor)
            return True
        os.close(descriptor)
        return False

    def give_back(self) -> None:
        """Let go of the one that was taken, if one was."""
        if self._taken is not None:
            self.close()
            self._has_stood_back = True

    def close(self) -> None:
        """Let go of the one that was taken, for good."""
        if self._taken is not None:
            # A process that was forked meanwhile has the descriptor too, and would keep the lock.
            unlock(self._taken)
            _TAKEN.discard(self._taken)
            os.close(self._taken)
            self._taken = None


def _opened(place: Path) -> int:
    try:
        return open_regular(place, os.O_RDWR | os.O_CREAT)
    except OSError as problem:
        raise NotAdmittedError(unusable(place, f"cannot be opened: {problem.strerror}")) from None
