"""The pipeline log: one file per invocation and job, with every stage's lines and the runner's own.

A line is ``[time] [asr] [LEVEL] message`` and one write. What a stage wrote cannot begin a line of
its own: further lines of a message are indented.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runner.errors import Verdict
from runner.events import (
    Event,
    JobFinished,
    JobStarted,
    LogLine,
    Notice,
    RunStarted,
    StageFinished,
    StageWaiting,
)
from runner.job.folder import Job
from runner.job.own_file import open_regular
from runner.observers.jsonl import now_text
from runner.observers.plain import plain, plain_lines
from runner.project.quantity import duration_text, size_text
from runner.project.stage import stage_name

INDENT: Final = "    "
RUNNER: Final = "stagerun"
LONGEST_TIME: Final = 32


class PipelineLog:
    """Writes ``<job>/logs/99_pipeline_<UTC time>_<pid>.log``, begun with the first line.

    ``warn`` is told once when the file cannot be written; the run goes on without it.
    """

    def __init__(
        self, job: Job, warn: Callable[[str], None], clock: Callable[[], str] = now_text
    ) -> None:
        self._job = job
        self._warn = warn
        self._clock = clock
        began = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self.path: Path = job.logs / f"99_pipeline_{began}_{os.getpid()}.log"
        self.last_sequence: dict[str, int] = {}
        self._descriptor: int | None = None
        self._broken = False
        self._guard = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write down what belongs into the log; a log line that was there already adds nothing."""
        with self._guard:
            if isinstance(event, LogLine):
                if self._is_new(event):
                    time = plain(event.time)[:LONGEST_TIME]
                    self._write(time, stage_name(event.stage), event.level, event.message)
            else:
                for told in _told(event):
                    self._write(self._clock(), *told)

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        with self._guard:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _is_new(self, line: LogLine) -> bool:
        if line.sequence is None:
            return True
        if line.sequence <= self.last_sequence.get(line.run_id, 0):
            return False
        self.last_sequence[line.run_id] = line.sequence
        return True

    def _write(self, time: str, source: str, level: str, message: str) -> None:
        if self._broken:
            return
        first, *rest = plain_lines(message)
        lines = [f"[{time}] [{source}] [{level}] {first}", *(INDENT + line for line in rest)]
        data = ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")
        try:
            if self._descriptor is None:
                self._descriptor = self._open()
            os.write(self._descriptor, data)
        except OSError as problem:
            self._broken = True
            self._warn(f"there is no pipeline log: {self.path}: {problem.strerror}")

    def _open(self) -> int:
        descriptor = open_regular(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with contextlib.suppress(OSError):
            self._job.give_open(descriptor)
        return descriptor


def _told(event: Event) -> Iterator[tuple[str, str, str]]:
    """Source, level and message of what the runner itself has to say about an event."""
    match event:
        case JobStarted(headline=headline):
            yield RUNNER, "INFO", headline
        case StageWaiting(stage=stage, reason=reason):
            yield stage_name(stage), "INFO", f"waiting: {reason}"
        case RunStarted(stage=stage, run_id=run_id, image=image, gpus=gpus):
            on = f" on GPU {', '.join(gpus)}" if gpus else ""
            yield stage_name(stage), "INFO", f"run {run_id} started in {image}{on}"
        case Notice(stage=stage, message=message):
            yield stage_name(stage) if stage else RUNNER, "WARNING", message
        case StageFinished():
            yield stage_name(event.stage), "INFO" if event.good else "ERROR", _end(event)
        case JobFinished(verdict=verdict, exit_code=code, result=result):
            files = f": {', '.join(result)}" if result else ""
            yield RUNNER, "INFO" if code == 0 else "ERROR", f"ended: {_word(verdict, code)}{files}"
        case _:
            pass


def _word(verdict: Verdict | None, exit_code: int) -> str:
    return f"refused, exit code {exit_code}" if verdict is None else str(verdict)


def _end(event: StageFinished) -> str:
    facts = [_word(event.verdict, event.exit_code)]
    if event.duration_seconds is not None:
        facts.append(f"after {duration_text(event.duration_seconds)}")
    if event.memory_peak_bytes is not None:
        facts.append(f"peak {size_text(event.memory_peak_bytes)}")
    ran = event.run_id is not None and event.duration_seconds is not None
    run = f"run {event.run_id}: " if ran else ""
    lines = [f"{run}{', '.join(facts)}: {event.summary}", *event.details]
    return "\n".join([*lines, *(f"warning: {text}" for text in event.warnings)])
