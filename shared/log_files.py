"""The log files of a stage: whole lines, appended, whoever writes them."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Final, Optional, Tuple

from shared.clock import utc_stamp, utc_text
from shared.files import PathLike

INFO: Final = 20
WORKER_VARIABLE: Final = "STAGERUN_LOG_FILES"

# One pipeline log per process and job: a second stage in the same process appends to it.
_pipeline_logs: Dict[Tuple[int, Path], Path] = {}


@dataclass(frozen=True)
class LogLine:
    """One logged message, formatted but for its place."""

    seconds: float
    level_number: int
    level: str
    logger: str
    message: str

    def text(self, source: str) -> str:
        """The line as a log file or the console shows it."""
        return f"[{utc_text(self.seconds)}] [{source}] [{self.level}] {self.message}\n"


class LogFile:
    """A file that only grows; each line is one write, so that processes can share it."""

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)
        self._descriptor: Optional[int] = self._open()

    def write(self, line: str) -> None:
        """Append one line. Raises OSError when the disk refuses it."""
        data = line.encode("utf-8", "backslashreplace")
        if self._descriptor is not None:
            _write_all(self._descriptor, data)
            return
        descriptor = self._open()
        try:
            _write_all(descriptor, data)
        finally:
            os.close(descriptor)

    def rest(self) -> None:
        """Give the descriptor back; a later line opens the file for itself."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)


class StageLogs:
    """Both log files of one stage; under the runner, and without ``logs/``, only ``stage.log``."""

    def __init__(
        self, name: str, stage_log: PathLike, pipeline_log: Optional[PathLike] = None
    ) -> None:
        self.name = name
        self._stage_log = LogFile(stage_log)
        self._pipeline_log = None if pipeline_log is None else LogFile(pipeline_log)

    def write(self, line: LogLine) -> None:
        """All levels to ``stage.log``, INFO and above to the pipeline log too."""
        self._stage_log.write(line.text(line.logger))
        if self._pipeline_log is not None and line.level_number >= INFO:
            self._pipeline_log.write(line.text(self.name))

    def rest(self) -> None:
        """Give all descriptors back."""
        self._stage_log.rest()
        if self._pipeline_log is not None:
            self._pipeline_log.rest()

    def publish(self) -> None:
        """Tell worker processes that share only the environment where the files are."""
        pipeline = None if self._pipeline_log is None else str(self._pipeline_log.path)
        os.environ[WORKER_VARIABLE] = json.dumps([self.name, str(self._stage_log.path), pipeline])


def published_logs() -> Optional[StageLogs]:
    """In a worker process: the files that the stage's process published; None if there are none."""
    with suppress(OSError, ValueError):
        return StageLogs(*json.loads(os.environ.get(WORKER_VARIABLE, "")))
    return None


def prepare_pipeline_log(logs_dir: Path) -> Tuple[Optional[Path], Optional[str]]:
    """This process's pipeline log in a folder, or None and why it cannot be written."""
    place = (os.getpid(), logs_dir)
    path = _pipeline_logs.get(place)
    if path is None:
        path = logs_dir / f"99_pipeline_{utc_stamp()}_{os.getpid()}.log"
    try:
        logs_dir.mkdir(parents=True, exist_ok=True)
        LogFile(path).rest()
    except OSError as error:
        return None, (
            f"There is no pipeline log: {logs_dir} is not writable ({error.strerror}). "
            f"stage.log has every line."
        )
    _pipeline_logs[place] = path
    return path, None


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
