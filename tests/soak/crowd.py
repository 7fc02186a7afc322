"""Many runs at once: independent calls, each on a job of its own, that wait for a place to run."""

import fcntl
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from runner.run.runtime_folder import runtime_folder
from tests.soak.faulty_stagerun import all_ended
from tests.soak.invariants import check_job, look
from tests.soak.truth import Truth, truth_of
from tests.soak.violation import Violation
from tests.soak.workplace import Plan, Workplace, give_plan, make_workplace

PLACES: Final = 8
WAIT: Final = ("--wait", "300s")
CALL_SECONDS: Final = 400.0


@dataclass
class Crowd:
    """What came of it: how many runs, in how many seconds, and what was wrong."""

    runs: int
    seconds: float = 0.0
    violations: list[Violation] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The figures."""
        return (
            f"{self.runs} runs at once on {os.cpu_count()} cores, {PLACES} places:"
            f" {self.seconds:.1f} s, {len(self.violations)} violations"
        )


def run_crowd(folder: Path, runs: int) -> Crowd:
    """Start all of them together and check what they left."""
    place, crowd = make_workplace(folder, stages_at_once=PLACES), Crowd(runs)
    jobs = [place.job(f"crowd-{number}") for number in range(runs)]
    for job in jobs:
        give_plan(job, Plan())
    before = [look(job) for job in jobs]
    descriptors = psutil.Process().num_fds()
    with truth_of(folder) as (truth, client):
        codes = _run_all(place, jobs, crowd)
        for job, state, code in zip(jobs, before, codes, strict=True):
            crowd.violations += check_job(job, state, Plan(), code, truth, client).violations
        crowd.violations += _wrongly_ended(truth, runs, len(jobs) - codes.count(0))
    crowd.violations += [*held(folder), *taken_places()]
    if psutil.Process().num_fds() > descriptors:
        crowd.violations.append(Violation("lock", "descriptors of this process were left open"))
    return crowd


def _run_all(place: Workplace, jobs: list[Path], crowd: Crowd) -> list[int | None]:
    began = time.monotonic()
    codes = all_ended([place.start(job, *WAIT) for job in jobs], CALL_SECONDS)
    crowd.seconds = time.monotonic() - began
    return codes


def _wrongly_ended(truth: Truth, runs: int, failed: int) -> list[Violation]:
    started = sum(key.startswith("crowd-") for key in truth.started)
    if (started, failed) == (runs, 0):
        return []
    return [Violation("verdict", f"{started} of {runs} runs were started, {failed} calls failed")]


def taken_places() -> list[Violation]:
    """Places to run that somebody still has."""
    found = []
    for path in sorted(runtime_folder("slots").glob("*.lock")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(Violation("lock", f"{path} is taken"))
    return found


def held(folder: Path) -> list[Violation]:
    """Processes that still work below a folder, or hold a file there open."""
    found = []
    for process in psutil.process_iter():
        try:
            paths = [process.cwd(), *(file.path for file in process.open_files())]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(path.startswith(str(folder)) for path in paths):
            found.append(Violation("lock", f"process {process.pid} is left: {process.cmdline()}"))
    return found
