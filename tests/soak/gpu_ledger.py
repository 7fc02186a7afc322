"""Lets many processes reserve memory of four GPUs, kills them at random, and checks every promise.

    python -m tests.soak.gpu_ledger --processes 50 --reservations 40 --seed 7

The processes, their ends and the folder are real; the GPUs are those of the stub NVML library.
"""

import argparse
import os
import random
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from runner.gpu.box import GpuBox
from runner.gpu.placement import Wish
from runner.gpu.reservation import State
from runner.gpu.reserving import Claimant, reserved
from runner.host.machine import ProcessIdentity
from tests.nvml_stub import StubGpu, build_nvml_stub
from tests.soak.gpu_claimant import GIB, HEAD_ROOM, Reserver, box_in
from tests.soak.gpu_page import add_to_page
from tests.soak.gpu_trace import Line, Replay, Trace, replay

GPUS: Final = 4
TOTAL: Final = 24 * GIB
USED: Final = GIB
LIMITS: Final = {f"GPU-{number}": TOTAL - USED - HEAD_ROOM for number in range(GPUS)}
KILL_EVERY_SECONDS: Final = 0.2
STOP_SECONDS: Final = 1.0
DEADLY: Final = 0.004
LOOK_EVERY_SECONDS: Final = 0.01
LONGEST_SECONDS: Final = 550.0
STALE: Final = 200
SHOWN: Final = 10


@dataclass
class Crowd:
    """The processes side by side; each that is killed is replaced by one that goes on."""

    folder: Path
    trace: Trace
    count: int
    seed: int
    alive: dict[int, str] = field(default_factory=dict)
    stopped: dict[int, float] = field(default_factory=dict)
    stops: int = 0
    lives: int = 0

    def run(self, processes: int) -> float:
        """Let all of them come to their end; returns the seconds that it took."""
        began, dice = time.monotonic(), random.Random(self.seed)
        for slot in range(processes):
            self._start(slot, self.count)
        kill_at = began + KILL_EVERY_SECONDS
        while self.alive:
            self._gather()
            now = time.monotonic()
            self._let_go_on(now)
            if now > began + LONGEST_SECONDS:
                self._give_up(now)
            if self.alive and now >= kill_at:
                kill_at = now + dice.uniform(0, 2 * KILL_EVERY_SECONDS)
                self._kill(dice.choice(sorted(self.alive)))
                self._stop(dice.choice(sorted(self.alive)), now + dice.uniform(0, STOP_SECONDS))
            time.sleep(LOOK_EVERY_SECONDS)
        return time.monotonic() - began

    def _start(self, slot: int, count: int) -> None:
        self.lives += 1
        life = f"{slot}-{self.lives}"
        if pid := os.fork():
            self.alive[pid] = life
            return
        code = 1
        try:
            dice = random.Random(f"{self.seed}:{life}")
            Reserver(
                folder=self.folder, trace=self.trace, life=life, count=count, deadly=DEADLY,
                dice=dice,
            ).run()  # fmt: skip
            code = 0
        finally:
            os._exit(code)

    def _kill(self, pid: int) -> None:
        # Before the kill: the ledger may give the memory to others before this process wakes up.
        self._tell("is killed", self.alive[pid])
        os.kill(pid, signal.SIGKILL)

    def _stop(self, pid: int, until: float) -> None:
        """Let it stand still at whatever it does, with the ledger's lock perhaps."""
        if pid not in self.stopped:
            self.stopped[pid] = until
            self.stops += 1
            os.kill(pid, signal.SIGSTOP)

    def _let_go_on(self, now: float) -> None:
        for pid in [pid for pid, until in self.stopped.items() if until <= now]:
            del self.stopped[pid]
            os.kill(pid, signal.SIGCONT)

    def _gather(self) -> None:
        for pid in list(self.alive):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                life = self.alive.pop(pid)
                self.stopped.pop(pid, None)
                if os.WIFSIGNALED(status) and (left := self.count - self._done(life)):
                    self._start(int(life.partition("-")[0]), left)
                elif not os.WIFSIGNALED(status) and os.WEXITSTATUS(status):
                    self._tell("wrong", life, "its process ended with an error")

    def _done(self, life: str) -> int:
        slot = life.partition("-")[0]
        return sum(
            line.what == "gives" and line.life.partition("-")[0] == slot
            for line in self.trace.lines()
        )

    def _give_up(self, now: float) -> None:
        for pid, life in self.alive.items():
            self._tell("wrong", life, f"it had not ended after {LONGEST_SECONDS} s ({now})")
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.alive.clear()

    def _tell(self, what: str, life: str, text: str = "") -> None:
        line = Line(at=time.monotonic(), what=what, life=life, text=text)  # type: ignore[arg-type]  # one of the words
        self.trace.add(line)


@dataclass(frozen=True, kw_only=True)
class Free:
    """How long reserving takes when all is free: median and 99th percentile, in seconds.

    ``processor`` is what it costs on average: other programs make no difference to that.
    """

    median: float
    percentile: float
    processor: float

    @property
    def text(self) -> str:
        """The figures for people."""
        return (
            f"{self.median * 1000:.1f} ms ({self.percentile * 1000:.1f} ms), "
            f"{self.processor * 1000:.1f} ms of a processor"
        )


@dataclass(frozen=True, kw_only=True)
class Found:
    """All that came of it; ``left`` are files that were in the ledger at the end."""

    seed: int
    processes: int
    seconds: float
    stops: int
    told: Replay
    left: tuple[str, ...]
    alone: Free
    beside_stale: Free

    @property
    def wrong(self) -> list[str]:
        """What must not be."""
        return [*self.told.wrong, *(f"{name} was left in the ledger" for name in self.left)]

    @property
    def longest(self) -> tuple[float, str]:
        """The longest wait of those that were not killed, in seconds, and for what it was."""
        return max(self.told.waits)

    @property
    def line(self) -> str:
        """All of it in one line."""
        most = max(self.told.most.values()) / GIB
        killed = ", ".join(f"{n} when {moment}" for moment, n in sorted(self.told.killed.items()))
        return (
            f"{self.told.granted} reservations by {self.processes} processes in "
            f"{self.seconds:.0f} s, {sum(self.told.killed.values())} of them killed ({killed}), "
            f"{self.stops} stopped for a while: "
            f"{len(self.told.wrong)} wrong, {len(self.left)} left, at most {most:g} GiB of "
            f"{max(LIMITS.values()) / GIB:g} granted at once; longest wait {self.longest[0]:.1f} s "
            f"for {self.longest[1]}; free: {self.alone.text}, with {STALE} other files: "
            f"{self.beside_stale.text}; seed {self.seed}"
        )


def stress(folder: Path, processes: int, reservations: int, times: int, seed: int) -> Found:
    """Do all of it in a folder, and reserve so many times when all is free.

    This process has to meet the stub library.
    """
    ledger, trace = folder / "ledger", Trace(folder / "trace.jsonl")
    crowd = Crowd(ledger, trace, reservations, seed)
    seconds = crowd.run(processes)
    box_in(ledger).look()
    return Found(
        seed=seed,
        processes=processes,
        seconds=seconds,
        stops=crowd.stops,
        told=replay(trace, LIMITS),
        left=tuple(path.name for path in ledger.iterdir()),
        alone=when_free(folder / "free", times, stale=0),
        beside_stale=when_free(folder / "stale", times, stale=STALE),
    )


def when_free(folder: Path, count: int, *, stale: int) -> Free:
    """Measure it beside as many files that stay: of another machine, and of no meaning."""
    box = box_in(folder)
    with box.turn():
        for number in range(stale):
            _leave(box, number)
    processor = time.process_time()
    times = [_time_of_one(box) for _ in range(count)]
    return Free(
        median=statistics.median(times),
        percentile=statistics.quantiles(times, n=100)[-1],
        processor=(time.process_time() - processor) / count,
    )


def _leave(box: GpuBox, number: int) -> None:
    if number % 2:
        (box.ledger.folder / f"{number}.json").write_text("[1, 2")
        return
    far = replace(box.ledger.me, machine_id="another")
    claimant = Claimant(stage="50_probe", job="far", ticket=number)
    entry = claimant.entry(box, state=State.HELD, shares={"GPU-0": GIB})
    box.ledger.write(replace(entry, owner=ProcessIdentity(far.pid, 1, "", far.machine_id)))


def _time_of_one(box: GpuBox) -> float:
    began = time.perf_counter()
    with reserved(
        Wish(memory=4 * GIB),
        Claimant(stage="50_probe", job="free"),
        box,
        wait_seconds=0,
        stopped=lambda: None,
        waiting=lambda _: None,
    ):
        return time.perf_counter() - began


def main() -> int:
    """Stress the ledger; returns 0 when nothing was wrong."""
    asked = _arguments()
    if "NVML_STUB_FILE" not in os.environ:
        return _again_with_stub()
    folder = Path(tempfile.mkdtemp(prefix="stagerun-gpu-ledger-"))
    found = stress(folder, asked.processes, asked.reservations, asked.free_times, asked.seed)
    print(found.line)
    for number, text in Counter(found.wrong).most_common(SHOWN):
        print(f"  {number} ({text})", file=sys.stderr)
    if found.wrong:
        print(f"what was found is kept in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    if asked.page:
        add_to_page(found)
    return 0


def _again_with_stub() -> int:
    """The loader looks for libraries where the environment said when a process began."""
    with tempfile.TemporaryDirectory() as folder:
        stub = build_nvml_stub(Path(folder))
        stub.show(*(StubGpu(uuid, total=TOTAL, used=USED) for uuid in LIMITS))
        command = [sys.executable, "-m", "tests.soak.gpu_ledger", *sys.argv[1:]]
        return subprocess.run(
            command, env={**os.environ, **stub.environment}, check=False
        ).returncode


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=50)
    parser.add_argument("--reservations", type=int, default=40, help="of each process")
    parser.add_argument("--free-times", type=int, default=300, help="when all is free")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--page", action="store_true", help="write the figures into the page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
