"""GPU memory that the stages of this process were granted and may not hold yet.

A container needs a while until it has filled the memory that its stage asked for, and until then
the driver calls it free. So a stage that would get the same memory waits for the one before it.
Runners do not know of each other's promises: between them only what the driver says counts.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from runner.errors import CancelledError, GpuUnavailableError
from runner.events import Observer, StageWaiting
from runner.host.gpu import Grant, Inventory, grant

if TYPE_CHECKING:
    from runner.run.request import Host, Request

LOOK_EVERY_SECONDS: Final = 0.5
WAITING: Final = "waiting for the GPU memory that another stage of this call was granted"


@dataclass(frozen=True)
class Promise:
    """What was free on a GPU when the first stage got it, and what all may use, in bytes."""

    free_bytes: int
    asked_bytes: int

    def open_bytes(self, free_now: int) -> int:
        """What they may still take: the memory that is no longer free they have taken already."""
        return max(0, self.asked_bytes - max(0, self.free_bytes - free_now))


@dataclass
class GpuPromises:
    """The promises of one process; several threads may ask for one."""

    _by_gpu: dict[str, Promise] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def after_ours(self, found: Inventory) -> Inventory:
        """What will be free when no stage of this process is in the way any more."""
        with self._changed:
            gpus = []
            for gpu in found.gpus:
                promise, total = self._by_gpu.get(gpu.uuid), gpu.memory_total_bytes
                if (
                    promise
                    and total is not None
                    and (gpu.memory_free_bytes or 0) < promise.free_bytes
                ):
                    gpus.append(replace(gpu, memory_used_bytes=total - promise.free_bytes))
                else:
                    gpus.append(gpu)
            return replace(found, gpus=tuple(gpus))

    @contextlib.contextmanager
    def keep(self, request: "Request", host: "Host", emit: Observer) -> Iterator["Request"]:
        """Promise a run the GPU memory that it asks for, perhaps on another GPU than planned.

        Waits while other stages of this process are in the way. Raises CancelledError.
        """
        memory = request.limits.values.gpu_memory
        if not request.grant.uuids or memory is None:
            yield request
            return
        granted = self._wait(request, memory, host, emit)
        try:
            yield replace(request, grant=granted)
        finally:
            self._take_back(granted, memory)

    def _wait(self, request: "Request", memory: int, host: "Host", emit: Observer) -> Grant:
        told = False
        with self._changed:
            while True:
                found = host.inventory()
                granted = self._grant(memory, found)
                # With nothing of ours in the way, what was granted a moment ago holds.
                if granted is not None or not self._by_gpu:
                    return self._promise(granted or request.grant, memory, found)
                if host.cancellation.requested:
                    signal = host.cancellation.signal
                    msg = f"not started: cancelled by {signal} while waiting for a GPU"
                    raise CancelledError(msg)
                if not told:
                    emit(StageWaiting(stage=request.stage.id, reason=WAITING))
                    told = True
                self._changed.wait(LOOK_EVERY_SECONDS)

    def _grant(self, memory: int, found: Inventory) -> Grant | None:
        promised = {
            gpu.uuid: self._by_gpu[gpu.uuid].open_bytes(gpu.memory_free_bytes or 0)
            for gpu in found.gpus
            if gpu.uuid in self._by_gpu
        }
        try:
            return grant("required", memory, found, promised=promised)
        except GpuUnavailableError:
            return None

    def _promise(self, granted: Grant, memory: int, found: Inventory) -> Grant:
        free = {gpu.uuid: gpu.memory_free_bytes or 0 for gpu in found.gpus}
        for uuid in granted.uuids:
            known = self._by_gpu.get(uuid, Promise(free.get(uuid, 0), 0))
            self._by_gpu[uuid] = replace(known, asked_bytes=known.asked_bytes + memory)
        return granted

    def _take_back(self, granted: Grant, memory: int) -> None:
        with self._changed:
            for uuid in granted.uuids:
                known = self._by_gpu.pop(uuid)
                if known.asked_bytes > memory:
                    self._by_gpu[uuid] = replace(known, asked_bytes=known.asked_bytes - memory)
            self._changed.notify_all()
