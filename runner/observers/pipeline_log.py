"""The pipeline log: one file per invocation and job, with every stage's lines and the runner's own.

A line is ``[time] [asr] [LEVEL] message`` and one write. What a stage wrote cannot begin a line of
its own: further lines of a message are indented. A run that was adopted from a dead runner goes
on in the log in which it began.
"""

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runner.errors import Verdict
from runner.events import (
    AttemptFailed,
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
from runner.job.log_file import INDENT, entries_from, mend_logs, open_log, place_of
from runner.observers.jsonl import now_text
from runner.observers.plain import plain, plain_lines
from runner.project.quantity import duration_text, size_text
from runner.project.stage import stage_name

RUNNER: Final = "stagerun"
LONGEST_TIME: Final = 32


class PipelineLog:
    """Writes ``<job>/logs/99_pipeline_<UTC time>_<pid>.log``, begun with the first line.

    That a job was stopped before anything of it began is no line to begin a log with.
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
        self._descriptor: int | None = None
        self._is_begun = False
        self._earlier: dict[str, _EarlierLog] = {}
        self._broken = False
        self._guard = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write down what belongs into the log; of an adopted run, what its log lacks."""
        with self._guard:
            if not self._is_begun and _is_stopped_before(event):
                return
            if isinstance(event, RunStarted) and event.adopted:
                self._continue(event.run_id)
            earlier = self._earlier.get(getattr(event, "run_id", None) or "")
            for entry in self._entries(event):
                if earlier is None:
                    self._write(entry)
                elif not isinstance(event, LogLine) or earlier.lacks(entry):
                    self._put(earlier.descriptor, entry)

    def close(self) -> None:
        """Close the files; a later line opens its own again."""
        with self._guard:
            for earlier in self._earlier.values():
                _close(earlier.descriptor)
            self._earlier.clear()
            if self._descriptor is not None:
                _close(self._descriptor)
                self._descriptor = None

    def _continue(self, run_id: str) -> None:
        """Find the log in which a run began. Without one it is told here, from its beginning."""
        place = place_of(self._job, run_id)
        if place is None:
            return
        with contextlib.suppress(OSError):
            known = Counter(hash(entry) for entry in entries_from(place))
            self._earlier[run_id] = _EarlierLog(open_log(self._job, place.path), known)
            line = f"run {run_id} goes on in {place.path.relative_to(self._job.root)}"
            self._write(_entry(self._clock(), RUNNER, "INFO", line))

    def _entries(self, event: Event) -> Iterator[bytes]:
        if isinstance(event, LogLine):
            time = plain(event.time)[:LONGEST_TIME]
            yield _entry(time, stage_name(event.stage), event.level, event.message)
        else:
            for told in _told(event):
                yield _entry(self._clock(), *told)

    def _write(self, entry: bytes) -> None:
        self._is_begun = True
        if self._descriptor is None and not self._broken:
            mend_logs(self._job)
            try:
                self._descriptor = open_log(self._job, self.path)
            except OSError as problem:
                self._give_up(problem)
        if self._descriptor is not None:
            self._put(self._descriptor, entry)

    def _put(self, descriptor: int, entry: bytes) -> None:
        if not self._broken:
            try:
                os.write(descriptor, entry)
            except OSError as problem:
                self._give_up(problem)

    def _give_up(self, problem: OSError) -> None:
        self._broken = True
        self._warn(f"there is no pipeline log: {self.path}: {problem.strerror}")


@dataclass(frozen=True)
class _EarlierLog:
    """The log in which an adopted run began, and the digests of the entries that it has."""

    descriptor: int
    known: Counter[int]

    def lacks(self, entry: bytes) -> bool:
        """Whether an entry is not there; each that is there is found once."""
        if self.known[hash(entry)] > 0:
            self.known[hash(entry)] -= 1
            return False
        return True


def _close(descriptor: int) -> None:
    # Some file systems say only now that they could not keep what was written.
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _is_stopped_before(event: Event) -> bool:
    """Whether all that an event says is that what had not begun was stopped."""
    match event:
        case StageFinished(verdict=Verdict.CANCELLED, run_id=None):
            return True
        case JobFinished(verdict=Verdict.CANCELLED):
            return True
        case _:
            return False


def _entry(time: str, source: str, level: str, message: str) -> bytes:
    first, *rest = plain_lines(message)
    lines = [f"[{time}] [{source}] [{level}] {first}", *(INDENT + line for line in rest)]
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def _told(event: Event) -> Iterator[tuple[str, str, str]]:
    """Source, level and message of what the runner itself has to say about an event."""
    match event:
        case JobStarted(headline=headline):
            yield RUNNER, "INFO", headline
        case StageWaiting(stage=stage, reason=reason):
            yield stage_name(stage), "INFO", f"waiting: {reason}"
        case RunStarted(stage=stage, run_id=run_id, adopted=True):
            yield (
                stage_name(stage),
                "WARNING",
                f"its runner died; process {os.getpid()} adopted run {run_id}",
            )
        case RunStarted(stage=stage, run_id=run_id, image=image, gpus=gpus):
            on = f" on GPU {', '.join(gpus)}" if gpus else ""
            again = f", attempt {event.attempt} of {event.attempts}" if event.attempt > 1 else ""
            yield stage_name(stage), "INFO", f"run {run_id} started in {image}{on}{again}"
        case Notice(stage=stage, message=message):
            yield stage_name(stage) if stage else RUNNER, "WARNING", message
        case AttemptFailed(attempt=attempt, attempts=attempts):
            head = f"attempt {attempt} of {attempts} failed: "
            yield stage_name(event.stage), "WARNING", head + _end(event)
        case StageFinished():
            yield stage_name(event.stage), "INFO" if event.good else "ERROR", _end(event)
        case JobFinished(verdict=verdict, exit_code=code, result=result):
            files = f": {', '.join(result)}" if result else ""
            yield RUNNER, "INFO" if code == 0 else "ERROR", f"ended: {_word(verdict, code)}{files}"
        case _:
            pass


def _word(verdict: Verdict | None, exit_code: int) -> str:
    return f"refused, exit code {exit_code}" if verdict is None else str(verdict)


def _end(event: StageFinished | AttemptFailed) -> str:
    code = event.exit_code if isinstance(event, StageFinished) else 0
    facts = [_word(event.verdict, code)]
    if event.duration_seconds is not None:
        facts.append(f"after {duration_text(event.duration_seconds)}")
    if event.memory_peak_bytes is not None:
        facts.append(f"peak {size_text(event.memory_peak_bytes)}")
    ran = event.run_id is not None and event.duration_seconds is not None
    run = f"run {event.run_id}: " if ran else ""
    lines = [f"{run}{', '.join(facts)}: {event.summary}", *event.details]
    warnings = event.warnings if isinstance(event, StageFinished) else ()
    return "\n".join([*lines, *(f"warning: {text}" for text in warnings)])
