"""The driver of a simulated box: it serves what fake CUDA asks for, and tells the stub NVML.

A thread looks into the jobs' stage folders for requests, and after the processes that hold memory.
What it did lies in the trace of each card: the truth that a test holds the product against.
"""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tests.gpu_box.card import LOST, Afterlife, Card, Change, Refusal
from tests.gpu_box.processes import Finder, Process, process
from tests.nvml_stub import NvmlStub

LOOK_SECONDS: Final = 0.02
METER_SECONDS: Final = 0.25
STOP_SECONDS: Final = 10.0
GONE: Final = "CUDA error: unspecified launch failure"
REQUESTS: Final = Path(".cache/cuda")


class FakeDriver:
    """Some cards, and the requests for their memory; `running` is how to get a working one.

    ``jobs`` is the folder of the job directories.
    """

    def __init__(self, stub: NvmlStub, jobs: Path, find: Finder, cards: Sequence[Card]) -> None:
        self._stub = stub
        self._jobs = jobs
        self._find = find
        self._cards = list(cards)
        self._known = list(cards)
        self._holders: dict[int, Process] = {}
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._error: Exception | None = None
        self._init = 0
        self._hang_seconds = 0.0
        self._shown_at = 0.0

    @contextmanager
    def running(self) -> Iterator["FakeDriver"]:
        """Serve for the time of the block; raises at its end what went wrong in the thread."""
        with self._changing():
            pass
        thread = threading.Thread(target=self._serve, name="fake-driver", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            thread.join(STOP_SECONDS)
        if self._error:
            raise self._error

    @property
    def trace(self) -> list[Change]:
        """All changes of memory on all cards, also on those that were pulled out, oldest first."""
        with self._lock:
            changes = [change for card in self._known for change in card.trace]
        return sorted(changes, key=lambda change: change.time)

    @property
    def refusals(self) -> list[Refusal]:
        """All requests for more than was free, oldest first."""
        with self._lock:
            refusals = [refusal for card in self._known for refusal in card.refusals]
        return sorted(refusals, key=lambda refusal: refusal.time)

    def greatest_bytes(self, uuid: str) -> int:
        """The most that was ever used of a GPU at once, that of the driver included."""
        with self._lock:
            return self._card(uuid).greatest_bytes

    def used_bytes(self, uuid: str) -> int:
        """What is used of a GPU now."""
        with self._lock:
            return self._card(uuid).used_bytes

    def holders(self, uuid: str) -> dict[int, int]:
        """The bytes of the living processes on a GPU, by pid."""
        with self._lock:
            return dict(self._card(uuid).held)

    @contextmanager
    def stranger(self, uuid: str, size: int) -> Iterator[int]:
        """A process of somebody else that holds memory for the time of the block; yields its pid.

        Raises AssertionError when the memory is not free.
        """
        with subprocess.Popen(["sleep", "600"]) as sleeper:
            try:
                assert self.take(uuid, sleeper.pid, size), f"{uuid} has not {size} bytes free"
                yield sleeper.pid
            finally:
                sleeper.kill()

    def take(self, uuid: str, pid: int, size: int) -> bool:
        """Give a process of the host more memory, as if it had asked for it; False when full."""
        with self._changing():
            taken = self._card(uuid).take(pid, size, time.monotonic())
            if taken and (holder := process(pid)):
                self._holders[pid] = holder
            return taken

    def fail(self, uuid: str, code: int = LOST) -> None:
        """Let NVML answer with that code for a GPU from now on, and CUDA with an error."""
        with self._changing():
            self._card(uuid).code = code

    def mend(self, uuid: str) -> None:
        """Take `fail` back."""
        self.fail(uuid, 0)

    def report_xid(self, uuid: str, code: int) -> None:
        """Let the driver report a critical error of a GPU once to whoever watches it."""
        with self._changing():
            self._card(uuid).xids.append(code)

    def hang(self, seconds: float) -> None:
        """Let every call of NVML on a device take that long from now on; 0 takes it back."""
        with self._changing():
            self._hang_seconds = seconds

    def keep_memory(self, uuid: str, afterlife: Afterlife) -> None:
        """Let memory on a GPU outlive its processes."""
        with self._changing():
            self._card(uuid).afterlife = afterlife

    def give_memory_back(self, uuid: str) -> None:
        """Take `keep_memory` back, and free what outlived its process."""
        with self._changing():
            self._card(uuid).give_back(time.monotonic())

    def pull_out(self, uuid: str) -> None:
        """Let NVML count one GPU less."""
        with self._changing():
            self._cards.remove(self._card(uuid))

    def plug_in(self, card: Card) -> None:
        """Let NVML count one GPU more, or again."""
        with self._changing():
            self._cards.append(card)
            if card not in self._known:
                self._known.append(card)

    def unload(self, code: int = 9) -> None:
        """Let NVML refuse to open with that code: 9 is a driver that is not loaded."""
        with self._changing():
            self._init = code

    def load(self) -> None:
        """Take `unload` back."""
        self.unload(0)

    def _card(self, uuid: str) -> Card:
        return next(card for card in self._known if card.uuid == uuid)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            now = time.monotonic()
            for card in self._known:
                card.meter(now)
            yield
            self._show()

    def _show(self) -> None:
        shown = (card.shown() for card in self._cards)
        self._stub.show(*shown, init=self._init, hang=self._hang_seconds)
        self._shown_at = time.monotonic()

    def _serve(self) -> None:
        try:
            while not self._stopped.wait(LOOK_SECONDS):
                self._look_after_processes()
                for folder in self._request_folders():
                    for request in sorted(folder.glob("*.request")):
                        self._answer(request)
        except Exception as error:
            self._error = error

    def _look_after_processes(self) -> None:
        now = time.monotonic()
        with self._lock:
            dead = [pid for pid, holder in self._holders.items() if not holder.is_alive]
            expired = [card for card in self._known if card.is_expiring(now)]
            if dead or expired or now - self._shown_at >= METER_SECONDS:
                with self._changing():
                    self._bury(dead, now)
                    for card in expired:
                        card.expire(now)

    def _bury(self, dead: Sequence[int], now: float) -> None:
        for pid in dead:
            del self._holders[pid]
            for card in self._known:
                if pid in card.held:
                    card.bury(pid, now)

    def _request_folders(self) -> Iterator[Path]:
        with suppress(OSError):
            for job in list(os.scandir(self._jobs)):
                # A job may be removed at any moment, by the product or by the test.
                with suppress(OSError):
                    for stage in list(os.scandir(job.path)):
                        if (folder := Path(stage.path) / REQUESTS).is_dir():
                            yield folder

    def _answer(self, path: Path) -> None:
        with suppress(OSError):
            question = json.loads(path.read_text(encoding="utf-8"))
            path.unlink()
            answer = self._serve_one(question)
            fresh = path.with_suffix(".answering")
            fresh.write_text(json.dumps(answer), encoding="utf-8")
            fresh.chmod(0o666)
            fresh.replace(path.with_suffix(".answer"))

    def _serve_one(self, question: dict[str, Any]) -> dict[str, Any]:
        holder = self._find(question["run"], question["pid"])
        with self._lock:
            card = next((card for card in self._cards if card.uuid == question["gpu"]), None)
            if holder is None or card is None or card.code or self._init:
                return {"ok": False, "error": GONE}
            if question["do"] == "use":
                return {"ok": True}
            if question["do"] == "free":
                with self._changing():
                    card.give(holder.pid, time.monotonic())
                return {"ok": True}
            return self._allocate(card, holder, question["bytes"])

    def _allocate(self, card: Card, holder: Process, size: int) -> dict[str, Any]:
        if self.take(card.uuid, holder.pid, size):
            return {"ok": True}
        return {"ok": False, "free": card.total - card.used_bytes, "total": card.total}
