"""What dead runners left: containers, open runs and half-written files, and removing them.

Who is dead is decided by process number, start and boot, on this machine alone, and by the lock on
the stage, which the kernel lets go with its holder; never by a name or an age. A container that a
call could still go on with stays, and so does what another machine began.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from runner.errors import EngineError, StageBusyError
from runner.events import Observer
from runner.host.container import OurContainer
from runner.host.engine import LABEL, Engine
from runner.host.machine import ProcessIdentity, is_alive
from runner.job.folder import Job
from runner.job.journal import all_open_runs, journal_of, owner_of
from runner.job.lock import is_locked, stage_lock
from runner.project.pipeline import Project
from runner.run.left_containers import JOB, PROMPT, RUN, is_kept
from runner.run.leftovers import Leftover, find_debris, remove_debris
from runner.run.private_files import abandoned
from runner.run.recovery import adoptable, containers_of, recover
from runner.run.request import Host


class Fate(StrEnum):
    """What becomes of something that a dead runner left."""

    REMOVED = "removed"
    CLOSED = "closed"
    STAYS = "stays"


@dataclass(frozen=True, kw_only=True)
class Remains:
    """One thing that a dead runner left: what it is, what becomes of it, and why."""

    what: str
    fate: Fate
    why: str
    job: str | None = None


def reap(
    jobs: Sequence[Job], project: Project | None, host: Host, emit: Observer, *, dry_run: bool
) -> list[Remains]:
    """Remove what can go, of these jobs and of all containers; with ``dry_run`` only tell of it.

    Raises EngineUnavailableError.
    """
    found: list[Remains] = []
    for job in jobs:
        found += _open_runs(job, project, host, emit, dry_run=dry_run)
        debris = find_debris(job) if dry_run else remove_debris(job)
        found += [_of_file(job, item) for item in debris]
    found += reap_containers(host.engine, host.identity, dry_run=dry_run)
    found += reap_private_files(host.identity, dry_run=dry_run)
    return found


def reap_containers(
    engine: Engine, me: ProcessIdentity, *, dry_run: bool = False
) -> Iterator[Remains]:
    """Remove the containers of dead runners that no call can go on with. Raises EngineError."""
    for container in engine.our_containers():
        if why := _why_it_goes(container, me):
            if not dry_run:
                run = {name: container.labels[name] for name in (JOB, RUN)}
                for item in engine.containers(run):
                    item.remove()
            yield Remains(
                what=f"container {container.name}",
                fate=Fate.REMOVED,
                why=why,
                job=container.labels[JOB],
            )


def reap_private_files(me: ProcessIdentity, *, dry_run: bool = False) -> Iterator[Remains]:
    """Remove the secrets and proxies of dead runners that no call can go on with."""
    for item in abandoned(me):
        if not dry_run:
            shutil.rmtree(item.folder, ignore_errors=True)
        why = "its runner died and its run is over"
        yield Remains(what=str(item.folder), fate=Fate.REMOVED, why=why, job=item.job)


def jobs_of_containers(engine: Engine, me: ProcessIdentity) -> list[Path]:
    """The jobs that have a container of a dead runner. Raises EngineError."""
    found = (
        Path(container.labels[JOB])
        for container in engine.our_containers()
        if _is_dead(container, me)
    )
    return sorted({root for root in found if _is_folder(root)})


def _why_it_goes(container: OurContainer, me: ProcessIdentity) -> str | None:
    labels = container.labels
    root, run_id = Path(labels[JOB]), labels.get(RUN)
    if not _is_dead(container, me) or run_id is None:
        return None
    is_there = _is_folder(root)
    if is_there is None:  # somebody else's, who alone can tell
        return None
    if not is_there:
        return "its runner died and its job is gone"
    job = Job(root)
    if is_locked(job, labels.get(f"{LABEL}stage", "")) or is_kept(labels):
        return None
    is_over = journal_of(job, run_id).is_closed or not job.run_folder(run_id).exists()
    # Nobody can go on with a prompt whose terminal is gone.
    return f"its runner died and its run {run_id} is over" if is_over or PROMPT in labels else None


def _is_dead(container: OurContainer, me: ProcessIdentity) -> bool:
    """Whether its runner was of this machine and lives no more."""
    labels = container.labels
    try:
        owner = ProcessIdentity(
            int(labels[f"{LABEL}owner.pid"]),
            int(labels[f"{LABEL}owner.started"]),
            labels[f"{LABEL}boot"],
            labels[f"{LABEL}machine"],
        )
    except (KeyError, ValueError):
        return False
    return owner.machine_id == me.machine_id and not is_alive(owner)


def _is_folder(root: Path) -> bool | None:
    try:
        return root.is_dir()
    except OSError:
        return None


def _open_runs(
    job: Job, project: Project | None, host: Host, emit: Observer, *, dry_run: bool
) -> Iterator[Remains]:
    for stage_id, runs in all_open_runs(job, skip_unreadable=True).items():
        if is_locked(job, stage_id):
            continue
        for run_id, steps in runs:
            problem = _why_it_stays(stage_id, run_id, steps, project, job, host)
            if problem is None and not dry_run and project is not None:
                problem = _close(stage_id, project, job, host, emit)
            yield Remains(
                what=f"run {run_id} of {stage_id}",
                fate=Fate.CLOSED if problem is None else Fate.STAYS,
                why=problem or f"its runner died (process {owner_of(steps).get('pid')})",
                job=str(job.root),
            )


def _why_it_stays(
    stage_id: str,
    run_id: str,
    steps: list[dict[str, Any]],
    project: Project | None,
    job: Job,
    host: Host,
) -> str | None:
    if owner_of(steps).get("machine_id") != host.identity.machine_id:
        return "it was begun on another machine"
    if project is None or stage_id not in project.stages:
        return "its project is elsewhere; call this there"
    containers = containers_of(run_id, stage_id, job, host)
    if adoptable(project.stages[stage_id], project, job, host, run_id, steps, containers):
        return f"its container is there; go on with it: stagerun {stage_id} {job.root}"
    return None


def _close(stage_id: str, project: Project, job: Job, host: Host, emit: Observer) -> str | None:
    """Close the open runs of a stage; why that was not possible, or None."""
    try:
        with stage_lock(job, stage_id):
            recover(project.stages[stage_id], project, job, host, emit, adopts=False)
    except (StageBusyError, EngineError) as problem:
        return str(problem)
    return None


def _of_file(job: Job, item: Leftover) -> Remains:
    return Remains(what=str(item.path), fate=Fate.REMOVED, why=item.why, job=str(job.root))
