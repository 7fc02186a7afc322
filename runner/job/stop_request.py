"""A request to stop what runs in a job, left in the job for the runners that have its stages.

``.stagerun/stop.json`` says when it was made and for which stages; a run or a call that began
later is not meant.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from runner.errors import JobFolderError
from runner.job.folder import Job
from runner.job.own_file import open_own

LARGEST_BYTES = 65536


def ask_to_stop(job: Job, stages: Sequence[str]) -> None:
    """Ask the runners of these stages, or of every stage where none is named, to stop."""
    request = {"time": datetime.now(UTC).isoformat(), "stages": list(stages)}
    job.write(_file(job), json.dumps(request) + "\n")


def asked_to_stop(job: Job, stage_id: str, since: datetime) -> bool:
    """Whether somebody asked after ``since`` that this stage be stopped.

    What cannot be read asks for nothing.
    """
    with contextlib.suppress(OSError, JobFolderError, ValueError, KeyError, TypeError):
        with os.fdopen(open_own(_file(job), os.O_RDONLY), "rb") as file:
            request = json.loads(file.read(LARGEST_BYTES))
        stages = request["stages"]
        is_meant = not stages or stage_id in stages
        return is_meant and datetime.fromisoformat(request["time"]) >= since
    return False


def _file(job: Job) -> Path:
    return job.private / "stop.json"
