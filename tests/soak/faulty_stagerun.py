"""The command line, stopped or killed at a named step, as a process of its own.

The processes are forked from one that has imported all that a call needs: a soak makes thousands of
them, and importing would take most of the time. Nothing of this is part of the runner.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final, NoReturn

from tests.soak.fault import Fault

PRELOADED: Final = (
    "pytest",
    "docker",
    "runner.cli.main",
    "runner.cli.calling",
    "runner.cli.restore",
    "runner.cli.run",
    "runner.host.gpu",
    "runner.host.sampler",
    "runner.observers.console",
    "runner.run.closing",
    "runner.run.reaping",
    "runner.run.record",
    "tests.soak.faulty_stagerun",
    "tests.soak.fault_points",
)
KILL_SECONDS: Final = 20.0
# An exit code can be read once only, and starting a process reads those of all that have ended.
POLLING: Final = threading.Lock()
# Taken before it is wrapped.
write = os.write


@dataclass(frozen=True)
class Call:
    """One call of the command line: its words, where it is made, and what befalls it.

    ``said`` takes what it prints; ``trace`` takes the names of its steps, if given; ``engine`` is
    the address of another one than the machine's own.
    """

    words: tuple[str, ...]
    folder: Path
    job: Path
    said: Path
    fault: Fault | None = None
    trace: Path | None = None
    engine: str | None = None

    def start(self) -> ForkServerProcess:
        """Start the process."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
        process = context.Process(target=run, args=(self,))
        with POLLING:
            process.start()
        return process


def run(call: Call) -> NoReturn:
    """Make the call as this process's only work."""
    from runner.cli.main import main
    from tests.soak.fault_points import install

    os.chdir(call.folder)
    if call.engine:
        os.environ["DOCKER_HOST"] = call.engine
    said = os.open(call.said, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    write(said, f"$ stagerun {' '.join(call.words)}  {call.fault or ''}\n".encode())
    for number in (1, 2):
        os.dup2(said, number)
    sys.argv = ["stagerun", *call.words]
    if call.fault:
        install(call.job, Striking(call.fault))
    elif call.trace:
        install(call.job, tracing(call.trace))
    sys.exit(main())


@dataclass
class Striking:
    """Sends this process its signal when it comes to a step for the nth time."""

    fault: Fault
    _passed: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, step: str) -> None:
        """Count, and strike."""
        if step != self.fault.step:
            return
        with self._guard:
            self._passed += 1
            strikes = self._passed == self.fault.nth
        if strikes and self.fault.late:
            threading.Timer(self.fault.late, self._strike).start()
        elif strikes:
            self._strike()

    def _strike(self) -> None:
        os.kill(os.getpid(), getattr(signal, self.fault.signal))


def tracing(path: Path) -> Callable[[str], None]:
    """Writes down every step that is come to, a line each."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(step: str) -> None:
        write(descriptor, f"{step}\n".encode())

    return note


def ended(process: ForkServerProcess, seconds: float) -> int | None:
    """The exit code of a call, negative for a signal; None when it has not ended by then."""
    wait([process.sentinel], seconds)
    with POLLING:
        return process.exitcode


def killed(process: ForkServerProcess) -> int | None:
    """The exit code of a call that is killed now, if it has not ended."""
    with POLLING:
        process.kill()
    return ended(process, KILL_SECONDS)


def all_ended(processes: Sequence[ForkServerProcess], seconds: float) -> list[int | None]:
    """The exit codes of calls, which are forgotten; those that have not ended are killed."""
    codes = [ended(process, seconds) for process in processes]
    codes = [
        killed(process) if code is None else code
        for process, code in zip(processes, codes, strict=True)
    ]
    for process in processes:
        forget(process)
    return codes


def forget(process: ForkServerProcess) -> None:
    """Let go of a process that has ended."""
    with POLLING:
        process.close()
