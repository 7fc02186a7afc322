"""A fault that a runner shall have: the signal it gets, and at which of its steps."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.project_kit import ROOT

FAULT: Final = "STAGERUN_FAULT"
"""The environment variable with the fault."""

TRACE: Final = "STAGERUN_FAULT_TRACE"
"""The environment variable with the file into which all steps are written."""

JOB: Final = "STAGERUN_FAULT_JOB"
"""The environment variable with the job whose steps count."""

FAULTY_STAGERUN: Final = (sys.executable, "-m", "tests.soak.faulty_stagerun")


@dataclass(frozen=True)
class Fault:
    """``SIGKILL`` or ``SIGSTOP`` at the nth time that a runner comes to a step."""

    step: str
    nth: int = 1
    signal: str = "SIGKILL"

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the text in the environment variable."""
        signal, nth, step = text.split(" ", 2)
        return cls(step, int(nth), signal)

    def environment(self, job: Path) -> dict[str, str]:
        """What a process needs to know of it."""
        return {FAULT: f"{self.signal} {self.nth} {self.step}", **_common(job)}


def tracing(job: Path, path: Path) -> dict[str, str]:
    """The environment of a process that writes all of its steps into a file."""
    return {TRACE: str(path), **_common(job)}


def _common(job: Path) -> dict[str, str]:
    return {JOB: str(job), "PYTHONPATH": os.pathsep.join([str(ROOT), *_paths()])}


def _paths() -> list[str]:
    return [path for path in [os.environ.get("PYTHONPATH")] if path]
