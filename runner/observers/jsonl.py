"""Events as JSON, one object a line, for programs."""

import json
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

from runner.events import Event
from runner.observers.stream import Stream

WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


def now_text() -> str:
    """Now, in ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonLines:
    """Writes ``{"type": "stage_finished", "time": …, the event's fields}``; ASCII only."""

    def __init__(self, out: Stream, clock: Callable[[], str] = now_text) -> None:
        self._out = out
        self._clock = clock

    def __call__(self, event: Event) -> None:
        """Write one event."""
        self._out.write(json.dumps(self._document(event), default=str) + "\n")

    def _document(self, event: Event) -> dict[str, Any]:
        kind = WORD.sub("_", type(event).__name__).lower()
        values = {item.name: getattr(event, item.name) for item in fields(event)}
        return {"type": kind, "time": self._clock(), **values}
