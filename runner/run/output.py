"""What a container prints: records of the stage library, and everything else.

A record is one line that begins with a record separator (RFC 7464) and holds a JSON object. It is
believed as far as it has the expected shape; anything else goes to ``output.log`` as it came. A
report of the end counts on standard error alone and as the last record there: ``entry.sh`` writes
it when the stage can say no more. Something that a stage left running may speak after it.
"""

import contextlib
import json
import math
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from runner.events import Event, Observer, Progress
from runner.host.container import STDERR, STDOUT
from runner.job.own_file import CAREFUL
from runner.run.messages import Messages
from runner.run.redaction import Redaction

SEPARATOR: Final = b"\x1e"
LINE_LIMIT: Final = 65536
KEPT_BYTES: Final = 16 << 20
TAIL_LINES: Final = 40
LARGEST: Final = 1 << 62
OVERSHOOT: Final = 1.05
"""By how much the kernel's mark may exceed the limit: it counts in batches."""

NO_RECORD: Final = (ValueError, KeyError, TypeError, OverflowError, RecursionError)
LEVELS: Final = frozenset({"INFO", "WARNING", "ERROR", "CRITICAL"})


@dataclass(frozen=True, kw_only=True)
class EndReport:
    """What ``entry.sh`` read inside the container when the stage had ended; None is unknown."""

    exit_code: int | None = None
    oom_kills: int | None = None
    memory_peak_bytes: int | None = None
    cpu_seconds: float | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None


@dataclass
class Output:
    """Takes a container's output apart while it runs."""

    stage: str
    run_id: str
    log: Path
    emit: Observer
    redaction: Redaction = field(default_factory=Redaction)
    memory_limit: int | None = None
    report: EndReport | None = None
    written: int = 0
    left_out: int = 0
    received: int = 0
    media_seconds: float | None = None
    """How long the media is that the stage works on, if its progress counts seconds of it."""

    _messages: Messages = field(init=False)
    _forged: bool = False
    _events: list[Event] = field(default_factory=list)
    _raw: list[bytes] = field(default_factory=list)
    _last: deque[bytes] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))

    def __post_init__(self) -> None:
        self._messages = Messages(self.stage, self.run_id, self._events.append, self.redaction)

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that are no records."""
        return tuple(line.decode("utf-8", "replace").rstrip() for line in self._last)

    def read(self, frames: Iterator[tuple[int, bytes]]) -> None:
        """Read to the end of the stream; memory stays bounded however long a line is."""
        pending = {STDOUT: b"", STDERR: b""}
        descriptor = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | CAREFUL, 0o666)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            for stream, chunk in frames:
                self.received += len(chunk)
                pending[stream] = self._rest(pending[stream] + chunk, stream)
                self._keep(file)
            for stream, rest in pending.items():
                if rest:
                    self._line(rest + b"\n", stream)
            self._keep(file)
            self._messages.close()
            self._tell()
            if self.left_out:
                with contextlib.suppress(OSError):
                    file.write(f"\n[{self.left_out} more bytes were not kept]\n".encode())

    def _rest(self, data: bytes, stream: int) -> bytes:
        """Take the whole lines of what has come; returns the line that has no end yet."""
        whole, end, rest = data.rpartition(b"\n")
        if SEPARATOR not in whole:
            self._plain_lines(whole + end)
        else:
            for line in whole.split(b"\n"):
                self._line(line + b"\n", stream)
        # A secret is not cut in two, of which neither would be known as one.
        held_back = 4 * self.redaction.longest
        if len(rest) > LINE_LIMIT + held_back:
            rest = self.redaction.data(rest)
        while len(rest) > LINE_LIMIT + held_back:
            # What may be a record's beginning is not cut off from the rest of it.
            cut = max(rest.rfind(SEPARATOR, 1, LINE_LIMIT), 0) or LINE_LIMIT
            self._line(rest[:cut], stream)
            rest = rest[cut:]
        return rest

    def _plain_lines(self, block: bytes) -> None:
        """Lines without any record: one of a flood costs next to nothing."""
        block = self.redaction.data(block)
        fits = not self.left_out and self.written + len(block) <= KEPT_BYTES
        if not fits and not self.left_out:
            for line in block.splitlines(keepends=True):
                self._raw_line(line)
            return
        self._last.extend(block.rsplit(b"\n", TAIL_LINES + 1)[:-1][-TAIL_LINES:])
        if fits:
            self.written += len(block)
            self._raw.append(block)
        else:
            self.left_out += len(block)

    def _line(self, line: bytes, stream: int) -> None:
        # A program may have left its last line open when a record follows.
        before, separator, record = line.rpartition(SEPARATOR)
        is_record = bool(separator) and self._record(record, stream)
        # Not where the shape of a record is tried: what observers do wrong is their own.
        self._tell()
        if is_record:
            if not before:
                return
            line = before + b"\n"
        self._raw_line(self.redaction.data(line))

    def _raw_line(self, line: bytes) -> None:
        self._last.append(line)
        if self.left_out or self.written + len(line) > KEPT_BYTES:
            self.left_out += len(line)
            return
        self.written += len(line)
        self._raw.append(line)

    def _keep(self, file: IO[bytes]) -> None:
        data, count = b"".join(self._raw), 0
        self._raw.clear()
        # On a full disk reading goes on: a container that nobody listens to would stand still.
        with contextlib.suppress(OSError):
            count = file.write(data)
        self.left_out += len(data) - count

    def _tell(self) -> None:
        events, self._events[:] = tuple(self._events), ()
        for event in events:
            self.emit(event)

    def _record(self, line: bytes, stream: int) -> bool:
        with contextlib.suppress(*NO_RECORD):
            record = json.loads(line)
            kind = record["type"]
            if kind == "end" and stream == STDERR:
                self._ended(_report(record, self.memory_limit))
                return True
            if stream == STDERR:
                # entry.sh reports when the stage can say no more: what came before was no report.
                self.report = None
            if kind == "log" and record["level"] in LEVELS:
                self._messages.take(record)
                return True
            if kind == "progress":
                return self._progress(record)
        return False

    def _ended(self, report: EndReport) -> None:
        """A report; where two of them differ there is a forger, and none is believed."""
        differs = self.report is not None and self.report.oom_kills != report.oom_kills
        self._forged |= differs
        self.report = EndReport() if self._forged else report

    def _progress(self, record: dict[str, Any]) -> bool:
        total = None if record.get("total") is None else float(record["total"])
        done = float(record["done"])
        if not all(map(math.isfinite, (done, total or 0.0))):
            return False
        progress = Progress(
            stage=self.stage,
            run_id=self.run_id,
            done=done,
            total=total,
            unit=self.redaction.text(str(record.get("unit", "")))[:16],
        )
        self.media_seconds = progress.media_seconds or self.media_seconds
        self._events.append(progress)
        return True


def _report(record: dict[str, Any], memory_limit: int | None) -> EndReport:
    def whole(name: str) -> int | None:
        value = record.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        return value if 0 <= value < LARGEST else None

    cpu, peak = record.get("cpu_seconds"), whole("memory_peak_bytes")
    if peak is not None and memory_limit is not None and peak > memory_limit * OVERSHOOT:
        peak = None
    return EndReport(
        exit_code=whole("exit_code"),
        oom_kills=whole("oom_kills"),
        memory_peak_bytes=peak,
        cpu_seconds=float(cpu) if isinstance(cpu, int | float) and 0 <= cpu < LARGEST else None,
        read_bytes=whole("read_bytes"),
        write_bytes=whole("write_bytes"),
    )
