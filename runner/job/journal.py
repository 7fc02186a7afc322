"""The journal of one run: what the runner is about to do, on disk before it does it.

``.stagerun/runs/<run id>/journal.jsonl`` has one JSON object a line, each forced to disk. A run
whose journal lacks the step ``closed`` was not finished by its runner.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from runner.errors import JobAccessError, JobFolderError
from runner.job.folder import Job
from runner.job.own_file import open_own, open_regular, sync_folder

INTENT: Final = "intent"
FOLDER: Final = "folder"
CONTAINER: Final = "container"
STARTED: Final = "started"
ADOPTED: Final = "adopted"
ENDED: Final = "ended"
CLOSED: Final = "closed"
CLOSED_BYTES: Final = b'"step": "closed"'
OpenRuns = list[tuple[str, list[dict[str, Any]]]]


@dataclass(frozen=True)
class Journal:
    """One run's journal."""

    path: Path

    def write(self, step: str, **facts: Any) -> None:
        """Append one step and force it to disk."""
        line = json.dumps({"step": step, "time": datetime.now(UTC).isoformat(), **facts})
        descriptor = open_own(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        with os.fdopen(descriptor, "ab+") as file:
            is_new = file.tell() == 0
            # A line that a dead runner left half written must not swallow this one.
            torn = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
            file.write(("\n" if torn else "").encode() + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            for folder in (self.path.parent, self.path.parent.parent):
                sync_folder(folder)

    def read(self) -> list[dict[str, Any]]:
        """All whole lines; a torn line is a step that did not happen.

        Raises JobFolderError when it cannot be read: nobody knows then what the run has done.
        """
        steps = []
        try:
            with os.fdopen(open_own(self.path, os.O_RDONLY), "rb") as file:
                text = file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return []
        except OSError as problem:
            msg = f"{self.path} cannot be read: {problem.strerror}. Check its file system."
            raise JobAccessError(msg) from None
        for line in text.splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                step = json.loads(line)
                if isinstance(step, dict) and "step" in step:
                    steps.append(step)
        return steps

    @property
    def is_closed(self) -> bool:
        """Whether the runner finished this run; not so far as anybody can tell when unreadable."""
        # Looked for in the bytes: closed runs are by far the most, and every call asks.
        with (
            contextlib.suppress(OSError),
            os.fdopen(open_regular(self.path, os.O_RDONLY), "rb") as file,
        ):
            return CLOSED_BYTES in file.read()
        return False


def journal_of(job: Job, run_id: str) -> Journal:
    """The journal of a run."""
    return Journal(job.run_folder(run_id) / "journal.jsonl")


def owner_of(steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The process that had a run last: the one that began it, or the last that adopted it."""
    owners = (step["owner"] for step in reversed(steps) if isinstance(step.get("owner"), dict))
    return next(owners, {})


def open_runs(job: Job, stage_id: str) -> OpenRuns:
    """Runs of a stage that no runner closed: run id and journal, oldest first.

    Meaningful only under the stage's lock: without it the runner may be alive. Raises
    JobFolderError when a journal cannot be read.
    """
    return all_open_runs(job).get(stage_id, [])


def all_open_runs(job: Job, *, skip_unreadable: bool = False) -> dict[str, OpenRuns]:
    """The open runs of every stage that has some.

    Raises JobFolderError when a journal cannot be read, unless such runs are to be skipped.
    """
    found: dict[str, OpenRuns] = {}
    for folder in job.runs():
        journal = Journal(folder / "journal.jsonl")
        if journal.is_closed:
            continue
        with contextlib.suppress(*((JobFolderError,) if skip_unreadable else ())):
            steps = journal.read()
            if steps and isinstance(stage_id := steps[0].get("stage_id"), str):
                found.setdefault(stage_id, []).append((folder.name, steps))
    return found
