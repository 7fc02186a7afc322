"""Records for the runner: JSON behind a record separator (RFC 7464) on standard error.

Each record is one write below the size that a pipe keeps whole, so that records of several
processes never mix. They are numbered by the process that sent the first one; records of its
worker processes carry no number.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import Final, Mapping, Optional

from shared.clock import utc_text
from shared.request import current_run_id

OWNER_VARIABLE: Final = "STAGERUN_RECORDS"
LARGEST_BYTES: Final = 4095
STANDARD_ERROR: Final = 2
LONGEST_LOGGER_NAME: Final = 200
PROGRESS_PER_SECOND: Final = 20
MOST_PARTS: Final = 200
CUT: Final = " … (the rest is in stage.log)"
# A level of the stage's own counts as the next lower one of these.
LEVELS: Final = ((50, "CRITICAL"), (40, "ERROR"), (30, "WARNING"), (0, "INFO"))


class RecordStream:
    """The numbered records of one process; its callers hold a lock around each call."""

    def __init__(self) -> None:
        self._run_id: Optional[str] = None
        self._sent = 0

    def send_log(self, *, seconds: float, level: int, logger: str, message: str) -> None:
        """Send one log line; a message too long for one record is split in numbered parts.

        Parts carry the number of the process, because those of several processes may mix.
        """
        head = {
            "type": "log",
            "time": utc_text(seconds),
            "level": next(name for least, name in LEVELS if level >= least),
            "logger": logger[:LONGEST_LOGGER_NAME],
        }
        # What a record needs beside its message, with room for the largest numbers.
        numbers = {"seq": 10**12, "part": 10**6, "parts": 10**6, "pid": 10**10}
        parts = _split(message, LARGEST_BYTES - len(_encode({**head, **numbers, "message": ""})))
        for number, part in enumerate(parts, start=1):
            place = {"part": number, "parts": len(parts), "pid": os.getpid()}
            self._send({**head, "message": part, **(place if len(parts) > 1 else {})})

    def send_progress(self, done: float, total: Optional[float], unit: str) -> None:
        """Send how far the stage is, in units of its own."""
        fields = {"done": done, "total": total, "unit": unit[:LONGEST_LOGGER_NAME]}
        self._send({"type": "progress", "time": utc_text(), **fields})

    def _send(self, fields: Mapping[str, object]) -> None:
        data = _encode({"seq": self._next_number(), **fields})
        # A console that is gone must not end the stage.
        with suppress(OSError):
            os.write(STANDARD_ERROR, data)

    def _next_number(self) -> Optional[int]:
        run_id = current_run_id()
        if run_id != self._run_id:
            self._run_id, self._sent = run_id, 0
        mine = f"{run_id} {os.getpid()}"
        owner = os.environ.get(OWNER_VARIABLE, "")
        if owner.partition(" ")[0] != run_id:
            # Worker processes inherit this and so know that they are not the first.
            os.environ[OWNER_VARIABLE] = owner = mine
        if owner != mine:
            return None
        self._sent += 1
        return self._sent


class Pace:
    """Lets through at most so many events a second."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._second = -1
        self._seen = 0

    def allows(self) -> bool:
        """Whether one more event fits in this second; counts it."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._seen = second, 0
        self._seen += 1
        return self._seen <= self._per_second


def _encode(record: Mapping[str, object]) -> bytes:
    return b"\x1e" + json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"


def _split(message: str, room: int) -> list[str]:
    """The message in pieces that need at most ``room`` bytes each as ASCII JSON, not too many."""
    parts: list[str] = []
    start = 0
    while start < len(message) or not parts:
        if len(parts) == MOST_PARTS:
            return [*parts, CUT]
        part = message[start : start + room]
        while (cost := _cost(part)) > room:
            part = part[: max(1, len(part) * room // cost)]
        parts.append(part)
        start += max(1, len(part))
    return parts


def _cost(text: str) -> int:
    return len(json.dumps(text)) - 2
