"""The journal of one run: what the runner is about to do, on disk before it does it.

``.stagerun/runs/<run id>/journal.jsonl`` has one JSON object a line, each forced to disk. A run
whose journal lacks the step ``closed`` was not finished by its runner.
"""

import contextlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from runner.job.folder import Job

INTENT: Final = "intent"
FOLDER: Final = "folder"
CONTAINER: Final = "container"
STARTED: Final = "started"
CLOSED: Final = "closed"
CLOSED_BYTES: Final = b'"step": "closed"'


@dataclass(frozen=True)
class Journal:
    """One run's journal."""

    path: Path

    def write(self, step: str, **facts: Any) -> None:
        """Append one step and force it to disk."""
        line = json.dumps({"step": step, "time": datetime.now(UTC).isoformat(), **facts})
        with self.path.open("ab+") as file:
            # A line that a dead runner left half written must not swallow this one.
            torn = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
            file.write(("\n" if torn else "").encode() + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[dict[str, Any]]:
        """All whole lines; a torn line is a step that did not happen."""
        steps = []
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        for line in text.splitlines():
            with contextlib.suppress(ValueError):
                step = json.loads(line)
                if isinstance(step, dict) and "step" in step:
                    steps.append(step)
        return steps

    @property
    def is_closed(self) -> bool:
        """Whether the runner finished this run."""
        # Looked for in the bytes: closed runs are by far the most, and every call asks.
        with contextlib.suppress(FileNotFoundError):
            return CLOSED_BYTES in self.path.read_bytes()
        return False


def journal_of(job: Job, run_id: str) -> Journal:
    """The journal of a run."""
    return Journal(job.run_folder(run_id) / "journal.jsonl")


def open_runs(job: Job, stage_id: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Runs of a stage that no runner closed: run id and journal, oldest first.

    Meaningful only under the stage's lock: without it the runner may be alive.
    """
    found = []
    for folder in job.runs():
        journal = Journal(folder / "journal.jsonl")
        if journal.is_closed:
            continue
        steps = journal.read()
        if steps and steps[0].get("stage_id") == stage_id:
            found.append((folder.name, steps))
    return found
