"""Containers that nobody needs any more: they do not run, and their run or their job is over."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from runner.host.container import OurContainer
from runner.host.engine import LABEL, Engine
from runner.job.folder import Job
from runner.job.journal import journal_of

JOB: Final = f"{LABEL}job"
RUN: Final = f"{LABEL}run"


def left_containers(
    engine: Engine, jobs: Collection[Path] | None = None
) -> Iterator[tuple[OurContainer, str]]:
    """Containers that can go, of these jobs or of all, and why. Raises EngineUnavailableError."""
    for container in engine.our_containers():
        if container.is_running:
            continue
        root = Path(container.labels[JOB])
        if (jobs is None or root in jobs) and (why := _why(root, container.labels.get(RUN))):
            yield container, why


def _why(root: Path, run_id: str | None) -> str | None:
    try:
        if not root.is_dir():
            return "its job is gone"
    except OSError:  # somebody else's, who alone can tell
        return None
    if run_id is None:
        return None
    job = Job(root)
    # Only closed runs are ever removed from a job.
    over = journal_of(job, run_id).is_closed or not job.run_folder(run_id).exists()
    return f"its run {run_id} is over" if over else None
