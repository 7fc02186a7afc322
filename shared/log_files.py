"""The log files of a stage: whole lines, appended, whoever writes them."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Final, Optional, Tuple

from shared.clock import utc_stamp, utc_text
from shared.stage_order import stage_name

INFO: Final = 20

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

    def __init__(self, path: Path) -> None:
        self.path = path
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
    """Both log files of one stage; under the runner there is only ``stage.log``."""

    def __init__(self, stage_id: str, stage_dir: Path, logs_dir: Optional[Path]) -> None:
        self.name = stage_name(stage_id)
        self.problem: Optional[str] = None
        self._stage_log = LogFile(stage_dir / "stage.log")
        self._pipeline_log = None if logs_dir is None else self._open_pipeline_log(logs_dir)

    def write(self, line: LogLine) -> None:
        """All levels to ``stage.log``, INFO and above to the pipeline log too."""
        self._stage_log.write(line.text(line.logger))
        if self._pipeline_log is not None and line.level_number >= INFO:
            self._pipeline_log.write(line.text(self.name))

    def rest(self) -> None:
        """Give both descriptors back."""
        self._stage_log.rest()
        if self._pipeline_log is not None:
            self._pipeline_log.rest()

    def _open_pipeline_log(self, logs_dir: Path) -> Optional[LogFile]:
        place = (os.getpid(), logs_dir)
        path = _pipeline_logs.get(place)
        if path is None:
            path = logs_dir / f"99_pipeline_{utc_stamp()}_{os.getpid()}.log"
        try:
            logs_dir.mkdir(parents=True, exist_ok=True)
            file = LogFile(path)
        except OSError as error:
            self.problem = (
                f"There is no pipeline log: {logs_dir} is not writable ({error.strerror}). "
                f"stage.log has every line."
            )
            return None
        _pipeline_logs[place] = path
        return file


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
