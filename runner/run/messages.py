"""What a stage logs, as messages: their parts put together, and no more of them than are kept.

Several processes of a stage may send their parts in turns. ``stage.log``, which the stage writes
itself, has whatever is not kept here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from runner.events import LogLine, Observer
from runner.run.redaction import Redaction

SENDERS_LIMIT: Final = 64
PARTS_LIMIT: Final = 256
HELD_LIMIT: Final = 1 << 20
"""Characters of messages whose last part has not come yet, of all senders together."""

KEPT_LIMIT: Final = 32 << 20
"""Characters of a run's messages; each counts for as much as its line has beside it."""

LINE_COST: Final = 64
TIME_LENGTH: Final = 40


@dataclass
class Messages:
    """Tells a stage's log records to an observer."""

    stage: str
    run_id: str
    emit: Observer
    redaction: Redaction
    _parts: dict[int, list[str]] = field(default_factory=dict)
    _held: int = 0
    _kept: int = 0
    _left_out: int = 0
    _last_time: str = ""

    def take(self, record: Mapping[str, Any]) -> None:
        """Take a record of the kind ``log``; what is wrong with its shape is raised."""
        sender, text = int(record.get("pid", 0)), str(record["message"])
        more = record.get("part", 1) < record.get("parts", 1)
        if sender not in self._parts and len(self._parts) >= SENDERS_LIMIT:
            self._parts.clear()
            self._held = 0
        parts = self._parts.setdefault(sender, [])
        parts.append(text)
        self._held += len(text)
        if not more:
            self._tell(record, self.redaction.text(self._joined(sender)))
        elif len(parts) >= PARTS_LIMIT or self._held >= HELD_LIMIT:
            # A secret is not cut in two, of which neither would be known as one.
            whole = self.redaction.text(self._joined(sender))
            cut = len(whole) - self.redaction.longest
            self._parts[sender] = [whole[cut:]]
            self._held += len(whole) - cut
            self._tell(record, whole[:cut])

    def close(self) -> None:
        """Say how many messages were not kept, if any."""
        if self._left_out:
            self._emit(
                self._last_time,
                "WARNING",
                f"{self._left_out} more log lines were not kept here; stage.log has them",
            )

    def _joined(self, sender: int) -> str:
        text = "".join(self._parts.pop(sender))
        self._held -= len(text)
        return text

    def _tell(self, record: Mapping[str, Any], text: str) -> None:
        sequence = record.get("seq")
        self._last_time = str(record["time"])[:TIME_LENGTH]
        self._kept += len(text) + LINE_COST
        if self._left_out or self._kept > KEPT_LIMIT:
            self._left_out += 1
            return
        number = sequence if isinstance(sequence, int) else None
        self._emit(self._last_time, record["level"], text, number)

    def _emit(self, time: str, level: str, text: str, sequence: int | None = None) -> None:
        self.emit(
            LogLine(
                stage=self.stage,
                run_id=self.run_id,
                time=time,
                level=level,
                message=text,
                sequence=sequence,
            )
        )
