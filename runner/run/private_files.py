"""What one run alone may read, its secrets and its proxies: files outside of the job.

A job is mounted into the containers of all its stages, which run as one user: whatever lies in it
each of them can read. These files lie in a folder of the caller's own, with the mode 0400, belong
to the user that the container runs as, and are gone after the run.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from runner.host.machine import ProcessIdentity, is_alive
from runner.job.fingerprint import text_digest
from runner.job.folder import Job
from runner.job.journal import journal_of
from runner.job.own_file import open_regular
from runner.run.runtime_folder import runtime_folder, runtime_folders

FOLDER: Final = "private"
OWNER: Final = "owner.json"
SECRET: Final = "secret-"
DIGITS: Final = 12
READ_ONLY_TO_OWNER: Final = 0o400


@dataclass(frozen=True, kw_only=True)
class Abandoned:
    """A folder whose runner is dead and whose run nobody can go on with."""

    folder: Path
    job: str


def private_folder(job: Job, run_id: str) -> Path:
    """Where to write the files of a run. Raises NotAdmittedError."""
    return runtime_folder(FOLDER) / _name(job, run_id)


def _name(job: Job, run_id: str) -> str:
    # Two jobs may have runs of one name.
    return f"{run_id}-{text_digest(str(job.root)).removeprefix('sha256:')[:DIGITS]}"


def lay_down(job: Job, run_id: str, files: Mapping[str, bytes], owner: ProcessIdentity) -> None:
    """Write the files of a run, for nobody but the job's owner; without any nothing is made.

    Raises NotAdmittedError or OSError.
    """
    if not files:
        return
    folder = private_folder(job, run_id)
    folder.mkdir(mode=0o700)
    about = {"job": str(job.root), "run_id": run_id, "owner": asdict(owner)}
    for name, data in {OWNER: json.dumps(about).encode(), **files}.items():
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(folder / name, flags, READ_ONLY_TO_OWNER)
        with os.fdopen(descriptor, "wb") as file:
            job.give_open(descriptor)
            file.write(data)


def kept_secrets(job: Job, run_id: str) -> list[bytes]:
    """The secrets of a run that is not over, or was broken off before it was closed.

    Raises OSError.
    """
    return [
        _read(path)
        for folder in runtime_folders(FOLDER)
        for path in (folder / _name(job, run_id)).glob(f"{SECRET}*")
    ]


def kept_file(job: Job, run_id: str, name: str) -> bytes | None:
    """One of the files of a run that is not over; None where it is not there."""
    for folder in runtime_folders(FOLDER):
        with contextlib.suppress(OSError):
            return _read(folder / _name(job, run_id) / name)
    return None


def _read(path: Path) -> bytes:
    with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
        return file.read()


def forget(job: Job, run_id: str) -> None:
    """Remove the files of a run that is over, if it had any."""
    import shutil

    for folder in runtime_folders(FOLDER):
        shutil.rmtree(folder / _name(job, run_id), ignore_errors=True)


def abandoned(me: ProcessIdentity) -> Iterator[Abandoned]:
    """What dead runners of this machine left of jobs that are gone, and of runs that are over.

    A run of before the last boot is over: it has no container that anybody could go on with.
    """
    with contextlib.suppress(OSError):
        for folder in (item for place in runtime_folders(FOLDER) for item in place.iterdir()):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                about = json.loads((folder / OWNER).read_bytes())
                owner = ProcessIdentity(**about["owner"])
                is_dead = owner.machine_id == me.machine_id and not is_alive(owner)
                if is_dead and (owner.boot_id != me.boot_id or _is_over(about)):
                    yield Abandoned(folder=folder, job=about["job"])


def _is_over(about: Mapping[str, Any]) -> bool:
    job = Job(Path(about["job"]))
    is_there = job.run_folder(about["run_id"]).is_dir()
    return not is_there or journal_of(job, about["run_id"]).is_closed
