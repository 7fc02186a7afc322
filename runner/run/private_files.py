"""What one run alone may read, its secrets and its proxies: files outside of the job.

A job is mounted into the containers of all its stages, which run as one user: whatever lies in it
each of them can read. These files lie in a folder of the caller's own, with the mode 0400, belong
to the user that the container runs as, and are gone after the run.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from runner.errors import StagerunError
from runner.host.machine import ProcessIdentity, is_alive
from runner.job.fingerprint import text_digest
from runner.job.folder import Job
from runner.job.journal import journal_of
from runner.run.runtime_folder import runtime_folder

FOLDER: Final = "private"
OWNER: Final = "owner.json"
DIGITS: Final = 12
READ_ONLY_TO_OWNER: Final = 0o400


@dataclass(frozen=True, kw_only=True)
class Abandoned:
    """A folder whose runner is dead and whose run nobody can go on with."""

    folder: Path
    job: str


def private_folder(job: Job, run_id: str) -> Path:
    """Where the files of a run lie, if it has any. Raises NotAdmittedError."""
    # Two jobs may have runs of one name.
    which = text_digest(str(job.root)).removeprefix("sha256:")[:DIGITS]
    return runtime_folder(FOLDER) / f"{run_id}-{which}"


def lay_down(job: Job, run_id: str, files: Mapping[str, bytes], owner: ProcessIdentity) -> None:
    """Write the files of a run, for nobody but the job's owner; without any nothing is made.

    Raises NotAdmittedError or OSError.
    """
    if not files:
        return
    folder = private_folder(job, run_id)
    folder.mkdir(mode=0o700)
    known = {"job": str(job.root), "run_id": run_id, "owner": asdict(owner)}
    for name, data in {OWNER: json.dumps(known).encode(), **files}.items():
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(folder / name, flags, READ_ONLY_TO_OWNER)
        with os.fdopen(descriptor, "wb") as file:
            job.give_open(descriptor)
            file.write(data)


def forget(job: Job, run_id: str) -> None:
    """Remove the files of a run that is over, if it had any."""
    with contextlib.suppress(StagerunError):
        shutil.rmtree(private_folder(job, run_id), ignore_errors=True)


def abandoned() -> Iterator[Abandoned]:
    """What dead runners left of jobs that are gone, and of runs that are over."""
    with contextlib.suppress(StagerunError, OSError):
        for folder in sorted(runtime_folder(FOLDER).iterdir()):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                known = json.loads((folder / OWNER).read_bytes())
                if not is_alive(ProcessIdentity(**known["owner"])) and _is_over(known):
                    yield Abandoned(folder=folder, job=known["job"])


def _is_over(known: Mapping[str, Any]) -> bool:
    job = Job(Path(known["job"]))
    is_there = job.run_folder(known["run_id"]).is_dir()
    return not is_there or journal_of(job, known["run_id"]).is_closed
