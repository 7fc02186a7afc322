"""One cycle of the soak: calls on a job that are killed or stopped, and then one that is let be."""

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

import docker
import psutil

from tests.soak.fault import Fault
from tests.soak.faulty_stagerun import ended, forget, killed
from tests.soak.invariants import check_job, check_wreck, look
from tests.soak.truth import Truth, kill_container
from tests.soak.violation import Violation
from tests.soak.workplace import CALL_SECONDS, Plan, Workplace, give_plan

BUSY: Final = 11
STOP_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.005
LATE_SECONDS: Final = 0.2
CONTAINER_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Strike:
    """A call and what befalls its runner: a fault at a step, or SIGKILL after some seconds.

    One that was stopped is killed unless it ``revives``; ``pause`` are the seconds until the next
    call.
    """

    words: tuple[str, ...]
    fault: Fault | None = None
    seconds: float | None = None
    revives: bool = False
    pause: float = 0.0


@dataclass(frozen=True)
class Cycle:
    """What is done to one job; with ``kills_container`` somebody else kills its container, too."""

    name: str
    like: str | None
    plan: Plan
    strikes: tuple[Strike, ...]
    last: tuple[str, ...] = ()
    kills_container: float | None = None


@dataclass
class Result:
    """What came of a cycle."""

    kills: int = 0
    stops: int = 0
    container_kills: int = 0
    readoptions: int = 0
    steps: set[str] = field(default_factory=set)
    violations: list[Violation] = field(default_factory=list)


@dataclass(frozen=True)
class Ring:
    """Where cycles are run."""

    place: Workplace
    truth: Truth
    client: "docker.APIClient"

    def run(self, cycle: Cycle) -> Result:
        """Run one and check what it left; the job is gone afterwards unless something was wrong."""
        job = self.place.job(cycle.name, cycle.like)
        give_plan(job, cycle.plan)
        before, result = look(job), Result()
        with self._killing(job, cycle.kills_container, result):
            for strike in cycle.strikes:
                self._strike(job, strike, result)
                result.violations += check_wreck(job, before)
                time.sleep(strike.pause)
        code = self.place.call(job, *cycle.last)
        found = check_job(job, before, cycle.plan, code, self.truth, self.client)
        result.readoptions += found.readoptions
        result.violations += found.violations
        if not result.violations:
            self.place.forget(job)
        return result

    @contextmanager
    def _killing(self, job: Path, seconds: float | None, result: Result) -> Iterator[None]:
        """Beside the block, kill the container that runs after some seconds, if so wished."""

        def kill() -> None:
            time.sleep(seconds or 0)
            result.container_kills += kill_container(
                self.client, job, self.truth, CONTAINER_SECONDS
            )

        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(kill) if seconds is not None else None
            yield
            if done:
                done.result()

    def _strike(self, job: Path, strike: Strike, result: Result) -> None:
        process = self.place.start(job, *strike.words, fault=strike.fault)
        if strike.fault and strike.fault.signal == "SIGSTOP":
            self._stopped(job, process, strike, result)
        code = ended(process, CALL_SECONDS if strike.seconds is None else strike.seconds)
        if code is None:
            code = killed(process)
            if strike.seconds is None:
                result.violations.append(Violation("hung", f"{job.name}: a call did not end"))
        if code == -signal.SIGKILL:
            result.kills += 1
            result.steps |= {strike.fault.step} if strike.fault else set()
        forget(process)

    def _stopped(
        self, job: Path, process: ForkServerProcess, strike: Strike, result: Result
    ) -> None:
        """See that a runner that stands still is not taken for a dead one."""
        assert process.pid is not None
        if not _stands_still(process):
            return
        result.stops += 1
        held = holds_stage(job, process.pid)
        code = self.place.call(job)
        if held and code != BUSY:
            text = f"{job.name}: a second call ended with {code} while a stopped one had the stage"
            result.violations.append(Violation("lock", text))
        os.kill(process.pid, signal.SIGCONT if strike.revives else signal.SIGKILL)


def _stands_still(process: ForkServerProcess) -> bool:
    """Wait until a process has stopped; False for one that ends without."""
    end = time.monotonic() + STOP_SECONDS
    while ended(process, POLL_SECONDS) is None and time.monotonic() < end:
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(process.pid).status() == psutil.STATUS_STOPPED:
                return True
    return False


def holds_stage(job: Path, pid: int) -> bool:
    """Whether a process has the lock of the job's stage, as the kernel tells."""
    file = job / ".stagerun/locks/50_probe.lock"
    if not file.exists():
        return False
    inode = str(file.stat().st_ino)
    lines = Path("/proc/locks").read_text(encoding="utf-8").splitlines()
    taken = [words for words in map(str.split, lines) if "->" not in words]
    return any(
        words[1] == "FLOCK" and words[4] == str(pid) and words[5].split(":")[-1] == inode
        for words in taken
    )


def random_cycle(
    dice: random.Random, number: int, steps: Sequence[tuple[str, int]], run_seconds: float
) -> Cycle:
    """Kills at random times and steps, one to three calls in a row, any end of the stage."""
    strikes = tuple(
        _random_strike(dice, steps, run_seconds) for _ in range(dice.choice((1, 1, 2, 3)))
    )
    end = dice.choice(("success", "success", "success", "exits", "failed", "raises", "undeclared"))
    return Cycle(
        name=f"random-{number}",
        like=dice.choice(("good", "good", "failed", None)),
        plan=Plan(end, seconds=dice.choice((0.02, 0.1, 0.4)), lines=dice.choice((1, 4, 20))),
        strikes=strikes,
        last=dice.choice(((), (), ("--force",))),
        kills_container=dice.uniform(0, run_seconds) if dice.random() < 0.25 else None,
    )


def _random_strike(
    dice: random.Random, steps: Sequence[tuple[str, int]], run_seconds: float
) -> Strike:
    words = dice.choice((("--force",), ("--force",), ()))
    pause = dice.choice((0.0, 0.0, dice.uniform(0, 0.6)))
    if dice.random() < 0.5:
        return Strike(words, seconds=dice.uniform(0.05, run_seconds), pause=pause)
    step, count = dice.choice(steps)
    signal_name = "SIGSTOP" if dice.random() < 0.25 else "SIGKILL"
    late = dice.choice((0.0, 0.0, dice.uniform(0, LATE_SECONDS)))
    fault = Fault(step, dice.randint(1, count), signal_name, late)
    return Strike(words, fault=fault, revives=dice.random() < 0.5, pause=pause)
