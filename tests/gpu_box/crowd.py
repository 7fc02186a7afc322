"""Many processes that share a simulated box, some killed at random: is it ever over-committed?

``python -m tests.gpu_box.crowd 50 40`` does it with 50 processes of 40 reservations each.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from tests.gpu_box.box import UUIDS
from tests.gpu_box.card import Card
from tests.gpu_box.claimer import Round
from tests.gpu_box.driver import FakeDriver
from tests.nvml_stub import NvmlStub, build_nvml_stub
from tests.project_kit import ROOT

SECONDS_BETWEEN_KILLS: Final = 2.0
LOOK_SECONDS: Final = 0.1
ENOUGH_SECONDS: Final = 900.0
USAGE: Final = "python -m tests.gpu_box.crowd PROCESSES ROUNDS"
WORDS: Final = 3


@dataclass
class Claims:
    """One claimer: its rounds so far, over as many processes as it took."""

    name: str
    wanted: int
    rounds: list[Round] = field(default_factory=list)
    kills: int = 0
    process: "subprocess.Popen[str] | None" = None
    rounds_before: int = 0
    read_to: int = 0

    @property
    def is_done(self) -> bool:
        """Whether all its rounds are over."""
        return len(self.rounds) >= self.wanted

    def start(self, folder: Path, log: TextIO, environment: dict[str, str]) -> None:
        """Let it go on where it was killed."""
        left = str(self.wanted - len(self.rounds))
        self.rounds_before = len(self.rounds)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.gpu_box.claimer", str(folder), self.name, left],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it; ``refused`` are reservations that the GPU did not have room for, ``left``
    entries of the ledger afterwards.
    """

    rounds: tuple[Round, ...]
    seconds: float
    kills: int
    refused: int
    left: int
    processes: int
    troubles: tuple[str, ...]

    @property
    def line(self) -> str:
        """The figures."""
        waits = sorted(item.seconds for item in self.rounds)
        return (
            f"{self.processes} processes, {len(self.rounds)} reservations in {self.seconds:.1f} s, "
            f"{self.kills} kills: {self.refused} over-commits, {self.left} reservations left, "
            f"longest wait {waits[-1]:.1f} s, median {waits[len(waits) // 2] * 1000:.1f} ms"
        )


def run_crowd(
    folder: Path,
    processes: int,
    rounds: int,
    *,
    stub: NvmlStub | None = None,
    kill_every: float = SECONDS_BETWEEN_KILLS,
) -> Outcome:
    """Start all of them together, kill one at random every so many seconds, as many as there are
    processes, and wait for all rounds.
    """
    stub = stub or build_nvml_stub(folder)
    driver = FakeDriver(stub, folder / "jobs", lambda *_: None, [Card(uuid) for uuid in UUIDS])
    crowd = [Claims(f"claimer-{number}", rounds) for number in range(processes)]
    began = time.monotonic()
    with driver.running():
        environment = {**stub.environment, "FAKE_CUDA_FOLDER": str(driver.host_requests)}
        troubles = _to_the_end(crowd, folder, environment, kill_every)
        refused = len(driver.refusals)
    # A reader clears what dead owners left, as the next run on the box would.
    left = len(_entries_left(folder / "ledger"))
    return Outcome(
        rounds=tuple(item for claims in crowd for item in claims.rounds),
        seconds=time.monotonic() - began,
        kills=sum(claims.kills for claims in crowd),
        refused=refused,
        left=left,
        processes=processes,
        troubles=tuple(troubles),
    )


def _to_the_end(
    crowd: Sequence[Claims],
    folder: Path,
    environment: dict[str, str],
    kill_every: float,
) -> list[str]:
    end = time.monotonic() + ENOUGH_SECONDS
    killed_at = time.monotonic()
    troubles: list[str] = []
    logs = {claims.name: (folder / f"{claims.name}.log") for claims in crowd}
    try:
        while not all(claims.is_done for claims in crowd):
            if time.monotonic() > end:
                return [*troubles, f"not done within {ENOUGH_SECONDS:.0f} s"]
            for claims in crowd:
                troubles += _look_after(claims, logs[claims.name], folder, environment)
            kills = sum(claims.kills for claims in crowd)
            if kills < len(crowd) and time.monotonic() - killed_at > kill_every:
                killed_at = time.monotonic()
                _kill_one(crowd)
            time.sleep(LOOK_SECONDS)
    finally:
        for claims in crowd:
            if claims.process and claims.process.poll() is None:
                claims.process.kill()
                claims.process.wait()
    return troubles


def _look_after(claims: Claims, log: Path, folder: Path, environment: dict[str, str]) -> list[str]:
    """Count its rounds, and start it (again) unless it is done."""
    ended = claims.process is not None and claims.process.poll() is not None
    text = _news(claims, log)
    lines = [line for line in text.splitlines() if line.startswith("{") and line.endswith("}")]
    claims.rounds += [Round(**json.loads(line)) for line in lines]
    if ended and claims.process and claims.process.returncode not in {0, -signal.SIGKILL}:
        return [f"{claims.name} failed: {text[-800:]}"]
    if claims.process is None or (ended and not claims.is_done):
        with log.open("a", encoding="utf-8") as file:
            claims.start(folder / "ledger", file, environment)
    return []


def _news(claims: Claims, log: Path) -> str:
    """The whole lines that it has written since the last look."""
    with log.open("ab+") as file:
        file.seek(claims.read_to)
        text = file.read()
    end = text.rfind(b"\n") + 1
    claims.read_to += end
    return text[:end].decode()


def _kill_one(crowd: Sequence[Claims]) -> None:
    # One that is killed before it has got anywhere would never be done.
    living = [
        item
        for item in crowd
        if item.process and item.process.poll() is None and len(item.rounds) > item.rounds_before
    ]
    if living and (victim := random.choice(living)).process:
        victim.process.kill()
        victim.process.wait()
        victim.kills += 1


def _entries_left(folder: Path) -> list[str]:
    from tests.gpu_box.claimer import gpu_box

    box = gpu_box(folder)
    with box.ledger.turn():
        return [entry.id for entry in box.ledger.entries()]


def main(words: Sequence[str]) -> int:
    """Print the figures; the exit code is 1 if the box was over-committed or anything was left."""
    if len(words) != WORDS:
        sys.stderr.write(f"usage: {USAGE}\n")
        return 2
    with tempfile.TemporaryDirectory() as name:
        outcome = run_crowd(Path(name), int(words[1]), int(words[2]))
    sys.stdout.write("\n".join([outcome.line, *outcome.troubles]) + "\n")
    return int(bool(outcome.refused or outcome.left or outcome.troubles))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
