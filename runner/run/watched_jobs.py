"""Jobs of a watched folder: what their ends say of them, and a film that was replaced."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.errors import JobAccessError, JobFolderError, StagerunError, Verdict
from runner.events import Observer
from runner.job.folder import Job
from runner.job.input_files import bring, real_file
from runner.job.job_manifest import read_entries
from runner.run.standing import JobOutcome
from runner.run.watching import Arrival

PASSING: Final = frozenset(
    {
        Verdict.ENGINE_UNAVAILABLE,
        Verdict.GPU_UNAVAILABLE,
        Verdict.GPU_LOST,
        Verdict.NOT_ADMITTED,
        Verdict.BUSY,
        Verdict.DISK_FULL,
    }
)
"""Causes that say nothing of the film: it is tried again by itself."""

INTERRUPTED: Final = frozenset({Verdict.CANCELLED, Verdict.RUNNER_LOST})
"""Ends that say nothing against the job."""


@dataclass(frozen=True, kw_only=True)
class JobEnd:
    """What is kept of how a job ended, which holds on to nothing of its run.

    ``trouble`` says what was wrong, if anything was, ``passes`` whether that may be gone after some
    time, though nobody does anything to the film.
    """

    job: Job
    verdict: Verdict | None
    exit_code: int
    trouble: str
    passes: bool

    @classmethod
    def of(cls, outcome: JobOutcome) -> "JobEnd":
        """The end of a job in this call."""
        bad = [item for item in outcome.outcomes if not item.good]
        return cls(
            job=outcome.job,
            verdict=outcome.verdict,
            exit_code=outcome.exit_code,
            trouble=trouble_of((item.stage, item.verdict, item.reason) for item in bad),
            passes=bool(bad) and (bad[0].verdict in PASSING or bad[0].is_access),
        )


@dataclass(frozen=True, kw_only=True)
class NamedJob:
    """A job that the call runs anyway, what it was like when it was planned, and its end."""

    stamp: str | None
    end: JobEnd | None = None

    def is_of(self, arrival: Arrival) -> bool:
        """Whether the call ran the job as it is now; that of a film was held against the film."""
        return not arrival.is_job or self.stamp == arrival.stamp


def trouble_of(bad: Iterable[tuple[str, Verdict | None, str]]) -> str:
    """What is wrong with a job, by the ends of its stages, without those that only had to wait."""
    own = (
        f"{stage}: {reason}" for stage, verdict, reason in bad if verdict != Verdict.INPUT_MISSING
    )
    return "\n".join(sorted(own))


def passes(problem: Exception) -> bool:
    """Whether a problem may be gone after some time, though nobody does anything to the film."""
    is_passing = isinstance(problem, StagerunError) and problem.verdict in PASSING
    return is_passing or isinstance(problem, (OSError, JobAccessError))


def has_failed(job: Job) -> bool:
    """Whether a stage's last run came to a bad end of its own. Raises JobFolderError."""
    # What a newer runner calls an end says nothing here, for or against the job.
    bad = [verdict for verdict in Verdict if not verdict.good and verdict not in INTERRUPTED]
    return any(entry["verdict"] in bad for entry in read_entries(job).values())


def renew_input(job: Job, name: str, film: Path, emit: Observer, check: Callable[[], None]) -> None:
    """Put a film in the place of the one that the job was made of.

    ``check`` is called when it was brought; where it raises, the film before it stays. Raises
    JobFolderError, UsageError, DiskFullError or OSError.
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
        check()
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
