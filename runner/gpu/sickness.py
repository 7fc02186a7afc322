"""Marks of GPUs with an error, beside the ledger: all runs leave such a GPU out for a while."""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runner.errors import GpuUnavailableError
from runner.gpu.ledger import LARGEST_ENTRY, NANOSECONDS, SICK, Ledger, now
from runner.job.own_file import content_of

# As long a GPU with an error is left alone at least, even if it answers at once.
REST_SECONDS: Final = 60.0
LONGEST: Final = 300


@dataclass(frozen=True)
class SickMarks:
    """The marks in a ledger's folder, one file for each GPU and user.

    They are other users' files too: each is read as a stranger's, and goes by itself.
    """

    ledger: Ledger

    def put(self, uuid: str, reason: str) -> None:
        """Mark a GPU from now on, as far as that is possible. Call it within a turn."""
        mark = {
            "uuid": uuid,
            "reason": _printable(reason)[:LONGEST],
            "at": now(),
            "boot_id": self.ledger.me.boot_id,
        }
        name = f"{uuid.replace('/', '_')}-{os.geteuid()}{SICK}"
        with contextlib.suppress(GpuUnavailableError):
            self.ledger.put(name, json.dumps(mark))

    def reasons(self) -> dict[str, str]:
        """Why GPUs are to be left out, by UUID; marks that are over are removed by whoever may."""
        found = {}
        for path in self.ledger.files(SICK):
            mark = self._valid(path)
            if mark is None:
                with contextlib.suppress(OSError):
                    path.unlink()
            else:
                found[str(mark["uuid"])] = _printable(str(mark["reason"]))[:LONGEST]
        return found

    def _valid(self, path: Path) -> dict[str, Any] | None:
        with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError, OverflowError):
            mark: dict[str, Any] = json.loads(content_of(path, LARGEST_ENTRY) or b"")
            age = (now() - int(mark["at"])) / NANOSECONDS
            if mark["boot_id"] == self.ledger.me.boot_id and 0 <= age < REST_SECONDS:
                return {"uuid": mark["uuid"], "reason": mark["reason"]}
        return None


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
