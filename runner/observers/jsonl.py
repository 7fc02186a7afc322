"""Events as JSON, one object a line, for programs."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Final

from runner.events import Event
from runner.observers.stream import Stream

WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


def now_text() -> str:
    """Now, in ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonLines:
    """Writes ``{"type": "stage_finished", "time": …, the event's fields}``; ASCII only.

    With a job, every object names it.
    """

    def __init__(
        self, out: Stream, clock: Callable[[], str] = now_text, job: str | None = None
    ) -> None:
        self._out = out
        self._clock = clock
        self._job = {} if job is None else {"job": job}

    def of_job(self, job: str, label: str) -> "JsonLines":
        """The same for events of one job; programs need no label."""
        del label
        return JsonLines(self._out, self._clock, job)

    def __call__(self, event: Event) -> None:
        """Write one event."""
        document = self._document(event)
        try:
            text = json.dumps(document, default=_plain, allow_nan=False)
        except ValueError:
            text = json.dumps(_finite(document), default=_plain)
        self._out.write(text + "\n")

    def _document(self, event: Event) -> dict[str, Any]:
        kind = WORD.sub("_", type(event).__name__).lower()
        values = {item.name: getattr(event, item.name) for item in fields(event)}
        return {"type": kind, "time": self._clock(), **self._job, **values}


def _plain(value: Any) -> Any:
    """A value within an event as JSON knows it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    return str(value)


def _finite(value: Any) -> Any:
    """The same without numbers that JSON lacks: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
