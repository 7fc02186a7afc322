"""Timing commands against each other: interleaved rounds, medians, ratios within a round."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command to time; ``prepare`` runs before every round, untimed."""

    name: str
    words: Sequence[str]
    folder: Path
    prepare: Callable[[], None] = lambda: None


@dataclass(frozen=True, kw_only=True)
class Row:
    """The figures of one command; seconds, CPU of the process and its children, bytes."""

    name: str
    seconds: float
    ratio: float
    cpu_seconds: float
    memory_peak_bytes: int
    rounds: int


def time_series(commands: Sequence[Command], rounds: int) -> list[Row]:
    """Time all commands ``rounds`` times in turns; the first command is the measure."""
    seconds: dict[str, list[float]] = {command.name: [] for command in commands}
    cpu: dict[str, list[float]] = {command.name: [] for command in commands}
    memory: dict[str, int] = {}
    for number in range(rounds + 1):
        for command in commands:
            took, used, peak = _once(command)
            if number:  # the first round warms caches up
                seconds[command.name].append(took)
                cpu[command.name].append(used)
                memory[command.name] = max(memory.get(command.name, 0), peak)
    measure = seconds[commands[0].name]
    return [
        Row(
            name=command.name,
            seconds=statistics.median(seconds[command.name]),
            ratio=statistics.median(
                one / other for one, other in zip(seconds[command.name], measure, strict=True)
            ),
            cpu_seconds=statistics.median(cpu[command.name]),
            memory_peak_bytes=memory[command.name],
            rounds=rounds,
        )
        for command in commands
    ]


def _once(command: Command) -> tuple[float, float, int]:
    command.prepare()
    begun = time.perf_counter()
    process = subprocess.Popen(
        list(command.words),
        cwd=command.folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    complaints = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        message = f"{command.name} failed with {process.returncode}: {complaints.decode()[-2000:]}"
        raise RuntimeError(message)
    return took, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def environment() -> Mapping[str, str]:
    """The caller's environment, with byte code allowed, as an installed command has it."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
