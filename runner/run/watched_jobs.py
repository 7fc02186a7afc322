"""Jobs of a watched folder: whether one has failed already, and a film that was replaced."""

import os
from pathlib import Path
from typing import Final

from runner.errors import JobFolderError, Verdict
from runner.events import Observer
from runner.job.folder import Job
from runner.job.input_files import bring, real_file
from runner.job.job_manifest import read_entries

INTERRUPTED: Final = frozenset({Verdict.CANCELLED, Verdict.RUNNER_LOST})
"""Ends that say nothing against the job."""


def has_failed(job: Job) -> bool:
    """Whether a stage's last run came to a bad end of its own. Raises JobFolderError."""
    verdicts = (Verdict(entry["verdict"]) for entry in read_entries(job).values())
    return any(not verdict.good and verdict not in INTERRUPTED for verdict in verdicts)


def renew_input(job: Job, name: str, film: Path, emit: Observer) -> None:
    """Put a film in the place of the one that the job was made of.

    Raises JobFolderError, UsageError, DiskFullError or OSError.
    """
    if name not in job.inputs or name in job.references:
        msg = (
            f"{film} has changed, and {job.file} no longer has it as its {name} in input/. Name "
            "the film otherwise, so that it becomes a job of its own."
        )
        raise JobFolderError(msg)
    target, source = job.input / job.inputs[name], real_file(film)
    if target.exists() and target.samefile(source):
        return
    fresh = job.input / f".{os.urandom(4).hex()}.tmp"
    try:
        bring(source, fresh, job.owner, emit)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
