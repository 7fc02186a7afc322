"""What a call that watches a folder leaves in each job that it takes: ``.stagerun/watch.json``.

It says of which file the job was made, who is at it, and how it ended, so that a call that is
started again, or that runs beside another one, knows what is left to do.
"""

import contextlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from runner.errors import JobFolderError
from runner.host.machine import ProcessIdentity, is_alive, machine_id
from runner.job.folder import Job
from runner.job.lock import watch_lock
from runner.job.own_file import open_own

LARGEST_BYTES: Final = 65536


@dataclass(frozen=True, kw_only=True)
class WatchNote:
    """The note in a job.

    ``source`` is the film that the job was made of, or the job itself; ``stamp`` what it was like
    then; ``runner`` who took it; ``exit_code`` how it ended, None while it has not.
    """

    source: str
    stamp: str
    runner: ProcessIdentity
    exit_code: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether somebody is at it; of another machine nobody knows here, so its own may be."""
        own = ProcessIdentity.current()
        if self.exit_code is not None or self.runner == own:
            return False
        return self.is_elsewhere or is_alive(self.runner)

    @property
    def is_elsewhere(self) -> bool:
        """Whether it was left by another machine, or by this one before it was set up anew."""
        return self.runner.machine_id != machine_id()

    def has_ended_with(self, stamp: str) -> bool:
        """Whether the job has ended, with the file as it is."""
        return self.exit_code is not None and self.stamp == stamp


def read_note(job: Job) -> WatchNote | None:
    """The note in a job; what cannot be read is none."""
    with contextlib.suppress(OSError, JobFolderError, ValueError, TypeError, KeyError):
        with os.fdopen(open_own(note_file(job), os.O_RDONLY), "rb") as file:
            content: dict[str, Any] = json.loads(file.read(LARGEST_BYTES))
        return WatchNote(**{**content, "runner": ProcessIdentity(**content["runner"])})
    return None


def claim(job: Job, note: WatchNote) -> bool:
    """Take a job unless somebody is at it, or it has ended with the file as it is.

    Raises JobFolderError or OSError where the job cannot be written.
    """
    with watch_lock(job):
        there = read_note(job)
        if there is not None and (there.is_held or there.has_ended_with(note.stamp)):
            return False
        _write(job, note)
        return True


def note_ended(job: Job, note: WatchNote, exit_code: int) -> None:
    """Say how a job has ended, if that can still be written."""
    with contextlib.suppress(OSError, JobFolderError), watch_lock(job):
        _write(job, replace(note, exit_code=exit_code))


def _write(job: Job, note: WatchNote) -> None:
    job.write(note_file(job), json.dumps(asdict(note)) + "\n")


def note_file(job: Job) -> Path:
    """Where the note lies."""
    return job.private / "watch.json"
