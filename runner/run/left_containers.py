"""Containers that nobody needs any more: they do not run, and their run or their job is over.

Two kinds are marked from the start. That of a prompt belongs to no run, and nobody can go on with
it. That of a run whose caller asked for it is kept, if the run fails, until somebody asks for its
removal.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from runner.errors import GOOD
from runner.host.container import OurContainer
from runner.host.engine import LABEL, Engine
from runner.job.folder import Job
from runner.job.job_manifest import read_record
from runner.job.journal import journal_of

JOB: Final = f"{LABEL}job"
RUN: Final = f"{LABEL}run"
PROMPT: Final = f"{LABEL}prompt"
KEEP: Final = f"{LABEL}keep"


def left_containers(
    engine: Engine, jobs: Collection[Path] | None = None, *, kept: bool = False
) -> Iterator[tuple[OurContainer, str]]:
    """Containers that can go, of these jobs or of all, and why; ``kept`` counts kept ones too.

    Raises EngineUnavailableError.
    """
    for container in engine.our_containers():
        if container.is_running:
            continue
        root = Path(container.labels[JOB])
        if (jobs is None or root in jobs) and (why := _why(root, container.labels, kept=kept)):
            yield container, why


def is_kept(labels: Mapping[str, str]) -> bool:
    """Whether a container is there because its run failed and its caller wants to look into it."""
    root, run_id = labels.get(JOB), labels.get(RUN)
    if KEEP not in labels or root is None or run_id is None:
        return False
    job = Job(Path(root))
    if not job.run_folder(run_id).exists():
        return True
    record = read_record(job, run_id) if journal_of(job, run_id).is_closed else None
    return record is not None and record.get("verdict") not in GOOD


def _why(root: Path, labels: Mapping[str, str], *, kept: bool) -> str | None:
    run_id = labels.get(RUN)
    try:
        if not root.is_dir():
            return "its job is gone"
    except OSError:  # somebody else's, who alone can tell
        return None
    if run_id is None:
        return None
    if is_kept(labels):
        return f"kept when its run {run_id} failed" if kept else None
    job = Job(root)
    # Only closed runs are ever removed from a job.
    over = journal_of(job, run_id).is_closed or not job.run_folder(run_id).exists()
    return f"its run {run_id} is over" if over else None
