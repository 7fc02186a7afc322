"""A console whose lines are text in memory, and events to feed it."""

from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from runner.errors import Verdict
from runner.events import AttemptFailed, Event, LogLine, Progress, RunStarted, StageFinished
from runner.observers.console import Console, Manner
from runner.observers.stream import Stream

STAGE = "06_asr"
RUN = "20261121-0914-7f3a"


@dataclass
class Shown:
    """A console and what it wrote."""

    manner: Manner = field(default_factory=Manner)
    out: StringIO = field(default_factory=StringIO)
    errors: StringIO = field(default_factory=StringIO)

    def __post_init__(self) -> None:
        self.console = Console(Stream(self.out), Stream(self.errors), self.manner)

    def after(self, *events: Event) -> str:
        """Standard output after these events."""
        for event in events:
            self.console(event)
        return self.out.getvalue()


def started(stage: str = STAGE, run_id: str = RUN, **more: Any) -> RunStarted:
    return RunStarted(stage=stage, run_id=run_id, image=f"stagerun/{stage}:main", **more)


def progress(done: float, total: float | None = None, unit: str = "") -> Progress:
    return Progress(stage=STAGE, run_id=RUN, done=done, total=total, unit=unit)


def log_line(message: str, level: str = "INFO", sequence: int | None = None) -> LogLine:
    return LogLine(
        stage=STAGE,
        run_id=RUN,
        time="2026-11-21T09:14:03.123Z",
        level=level,
        message=message,
        sequence=sequence,
    )


def finished(**changes: Any) -> StageFinished:
    """A good run, unless the changes say otherwise."""
    values: dict[str, Any] = {
        "stage": STAGE,
        "verdict": Verdict.SUCCESS,
        "summary": "segments.json",
        "run_id": RUN,
        "duration_seconds": 4.1,
        "memory_peak_bytes": 64_000_000,
    }
    return StageFinished(**{**values, **changes})


def failed(**changes: Any) -> StageFinished:
    """A run that ended out of memory."""
    return finished(
        **{
            "verdict": Verdict.OOM_MEMORY,
            "summary": "The stage was killed at its limit of 2 GiB.",
            "details": ("Raise it with --memory 6GiB.", "log: out/job1/06_asr/stage.log"),
            "duration_seconds": 6.2,
            **changes,
        }
    )


def attempt_failed(**changes: Any) -> AttemptFailed:
    """A first attempt that ended out of memory."""
    values: dict[str, Any] = {
        "stage": STAGE,
        "attempt": 1,
        "attempts": 3,
        "verdict": Verdict.OOM_MEMORY,
        "summary": "The stage was killed at its limit of 2 GiB.",
        "details": ("The next attempt has memory 4 GiB instead of 2 GiB.",),
        "run_id": RUN,
        "duration_seconds": 6.2,
    }
    return AttemptFailed(**{**values, **changes})
