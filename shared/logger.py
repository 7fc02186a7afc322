"""Loggers of a stage: everything to stage.log, INFO and above to pipeline log and console.

Lines from before the stage's folder is open go to the console at once and wait in a bounded
buffer for stage.log. Only loggers that were asked for here are touched.
"""

from __future__ import annotations

import logging
import sys
from collections import deque
from typing import Callable, Deque, Dict, Final, Optional

from shared.log_files import LogLine, StageLogs, published_logs
from shared.plain_values import clean_text
from shared.records import PROGRESS_PER_SECOND, Pace, RecordStream
from shared.request import current_run_id

EARLY_LINES: Final = 1_000


class LogDesk(logging.Handler):
    """The one handler behind all of a stage's loggers: it knows where each line belongs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.after_line: Callable[[], None] = lambda: None
        self._current: Optional[StageLogs] = None
        self._by_logger: Dict[str, StageLogs] = {}
        self._early: Deque[LogLine] = deque(maxlen=EARLY_LINES)
        self._records = RecordStream()
        self._pace = Pace(PROGRESS_PER_SECOND)
        self._told_of_disk = False

    def open(self, logs: StageLogs) -> None:
        """Send lines to this stage's files from now on, beginning with those that waited."""
        self.acquire()
        try:
            if self._current is not None:
                self._current.rest()
            self._current = logs
            self._pace = Pace(PROGRESS_PER_SECOND)
            self._by_logger[stage_logger_name(logs.name)] = logs
            logs.publish()
            while self._early:
                self._write(logs, self._early.popleft())
        finally:
            self.release()

    def rest(self) -> None:
        """Give all descriptors back."""
        self.acquire()
        try:
            if self._current is not None:
                self._current.rest()
        finally:
            self.release()

    def emit(self, record: logging.LogRecord) -> None:
        """Deliver one line; the caller (``handle``) holds this handler's lock."""
        try:
            line = _line(record)
            if self._current is None and _is_worker():
                self._current = published_logs()
            logs = self._by_logger.get(record.name, self._current)
            if line.level_number >= logging.INFO:
                self._to_console(line, logs)
            if logs is None:
                self._early.append(line)
            else:
                self._write(logs, line)
            self.after_line()
        except Exception:  # what logging does with a line that cannot be formatted
            self.handleError(record)

    def progress(self, done: float, total: Optional[float], unit: str) -> None:
        """Tell the runner how far the stage is; without one, stage.log."""
        self.acquire()
        try:
            finished = total is not None and done >= total
            if not self._pace.allows() and not finished:
                return
            if current_run_id():
                self._records.send_progress(done, total, unit)
            elif self._current is not None:
                text = f"progress: {done:g}{'' if total is None else f' of {total:g}'} {unit}"
                logger = logging.getLogger(stage_logger_name(self._current.name))
                logger.debug(text.rstrip())
            self.after_line()
        finally:
            self.release()

    def _to_console(self, line: LogLine, logs: Optional[StageLogs]) -> None:
        if current_run_id():
            self._records.send_log(
                seconds=line.seconds,
                level=line.level_number,
                logger=line.logger,
                message=line.message,
            )
        else:
            _print_line(line.text(logs.name if logs else line.logger))

    def _write(self, logs: StageLogs, line: LogLine) -> None:
        try:
            logs.write(line)
        except OSError as error:
            # A full disk costs log lines, not the stage; said once, where it can still be said.
            if not self._told_of_disk:
                self._told_of_disk = True
                _print_line(f"Log lines are lost: {error}\n")


DESK: Final = LogDesk()


def get_logger(name: str) -> logging.Logger:
    """A logger of exactly that name whose lines reach the stage's logs and the console.

    Raises ValueError for an empty name: that logger belongs to every library.
    """
    if not name:
        message = "A logger needs a name: call get_logger(__name__)."
        raise ValueError(message)
    logger = logging.getLogger(name)
    if DESK not in logger.handlers:
        logger.addHandler(DESK)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
    return logger


def stage_logger_name(name: str) -> str:
    """What the logger of a stage is called: ``stage.asr``."""
    return f"stage.{name}"


def _line(record: logging.LogRecord) -> LogLine:
    message = record.getMessage()
    if record.exc_info and not record.exc_text:
        record.exc_text = _formatter.formatException(record.exc_info)
    parts = [message, record.exc_text or "", record.stack_info or ""]
    return LogLine(
        seconds=record.created,
        level_number=record.levelno,
        level=record.levelname,
        logger=record.name,
        message=clean_text("\n".join(part for part in parts if part)),
    )


def _is_worker() -> bool:
    """Whether ``multiprocessing`` started this process, with nothing of the parent's memory."""
    loaded = sys.modules.get("multiprocessing.process")
    return loaded is not None and loaded.parent_process() is not None


_formatter = logging.Formatter()


def _print_line(text: str) -> None:
    # Standard error may be closed or gone; a log line must not end the stage.
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except (OSError, ValueError):
        return
