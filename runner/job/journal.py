"""The journal of one run: what the runner is about to do, on disk before it does it.

``.stagerun/runs/<run id>/journal.jsonl`` has one JSON object a line, each forced to disk. A run
whose journal lacks the step ``closed`` was not finished by its runner.
"""

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


@dataclass(frozen=True)
class Journal:
    """One run's journal."""

    path: Path

    def write(self, step: str, **facts: Any) -> None:
        """Append one step and force it to disk."""
        line = json.dumps({"step": step, "time": datetime.now(UTC).isoformat(), **facts})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[dict[str, Any]]:
        """All whole lines; a torn last line is a step that did not happen."""
        steps = []
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        for line in text.splitlines():
            try:
                steps.append(json.loads(line))
            except ValueError:
                break
        return steps

    @property
    def is_closed(self) -> bool:
        """Whether the runner finished this run."""
        return any(step["step"] == CLOSED for step in self.read())


def journal_of(job: Job, run_id: str) -> Journal:
    """The journal of a run."""
    return Journal(job.run_folder(run_id) / "journal.jsonl")


def open_runs(job: Job, stage_id: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Runs of a stage that no runner closed: run id and journal, oldest first.

    Meaningful only under the stage's lock: without it the runner may be alive.
    """
    found = []
    for folder in job.runs():
        # The name is read before the journal: closed runs are by far the most.
        if (folder / "record.json").exists():
            continue
        steps = Journal(folder / "journal.jsonl").read()
        if steps and steps[0].get("stage_id") == stage_id and steps[-1]["step"] != CLOSED:
            found.append((folder.name, steps))
    return found
