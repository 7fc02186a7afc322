"""Containers that nobody needs any more: they do not run, and their run or their job is over.

Two kinds are marked from the start. That of a prompt belongs to no run, and nobody can go on with
it. That of a run whose caller asked for it is kept, if the run fails, until somebody asks for its
removal.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from runner.errors import GOOD, StageBusyError
from runner.host.container import OurContainer
from runner.host.engine import LABEL, Engine
from runner.host.machine import ProcessIdentity
from runner.job.folder import Job
from runner.job.job_manifest import read_record
from runner.job.journal import journal_of
from runner.run.request import Host

JOB: Final = f"{LABEL}job"
RUN: Final = f"{LABEL}run"
PROMPT: Final = f"{LABEL}prompt"
KEEP: Final = f"{LABEL}keep"


def stage_labels(job: Job, stage_id: str) -> dict[str, str]:
    """The labels that every container of one stage of one job carries."""
    return {f"{LABEL}job": str(job.root), f"{LABEL}stage": stage_id}


def run_labels(run_id: str, owner: ProcessIdentity) -> dict[str, str]:
    """The labels that say whose container it is."""
    return {
        RUN: run_id,
        f"{LABEL}owner.pid": str(owner.pid),
        f"{LABEL}owner.started": str(owner.started),
        f"{LABEL}boot": owner.boot_id,
        f"{LABEL}machine": owner.machine_id,
    }


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


def note_left(job: Job, stage_id: str) -> None:
    """Let the next call on a stage know that a container of it is left. Raises OSError."""
    note = _note(job, stage_id)
    job.make_folder(note.parent)
    os.close(job.make_file(note))


def is_left(job: Job, stage_id: str) -> bool:
    """Whether a container of a stage is left of a run that is over."""
    return _note(job, stage_id).exists()


def forget_left(job: Job, stage_id: str) -> None:
    """There is none any more."""
    _note(job, stage_id).unlink(missing_ok=True)


def _note(job: Job, stage_id: str) -> Path:
    return job.private / "left" / stage_id


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


def remove_containers(stage_id: str, job: Job, host: Host) -> list[str]:
    """Remove what is left of a stage whose lock is held, but for what was kept to be looked into.

    Returns the ids of those that are gone. Raises StageBusyError while one of them lives that is
    not over.
    """
    removed = []
    for leftover in host.engine.containers(stage_labels(job, stage_id)):
        state = leftover.state()
        kept = is_kept(state.labels)
        # An engine that goes away may leave a container running whose run was closed for that.
        if state.is_running and (kept or not _is_over(job, state.labels)):
            msg = (
                f"a container of {stage_id} of {job.root} still runs, so its folder stays where it "
                "is. Stop it with docker stop, or wait for it."
            )
            raise StageBusyError(msg)
        if not kept:
            leftover.remove()
            removed.append(leftover.id)
    return removed


def _is_over(job: Job, labels: Mapping[str, str]) -> bool:
    # Whoever sits at a prompt holds the stage's lock.
    run_id = labels.get(RUN)
    return PROMPT in labels or (run_id is not None and journal_of(job, run_id).is_closed)
