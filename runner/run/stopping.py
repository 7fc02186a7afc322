"""Stopping from another terminal what runs in a job.

The request lies in the job, so that whoever has a stage knows why its container ended; the
container is then told as any is: TERM, grace, KILL. One whose runner died is stopped and closed
here.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from runner.errors import StageBusyError
from runner.events import Observer
from runner.host.container import Container
from runner.host.engine import Engine
from runner.job.folder import Job
from runner.job.journal import all_open_runs
from runner.job.lock import is_locked, stage_lock
from runner.job.stop_request import ask_to_stop
from runner.project.pipeline import Project
from runner.run.cancellation import Cancellation
from runner.run.left_containers import stage_labels
from runner.run.recovery import recover
from runner.run.request import Host

LOOK_EVERY_SECONDS: Final = 0.1
CLOSE_SECONDS: Final = 30.0
"""What a runner may need after the end of a container: a check, digests, the record."""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """A stage that was stopped; ``run_id`` is None where it was only waiting to begin."""

    stage: str
    run_id: str | None


def stop(
    job: Job,
    project: Project,
    host: Host,
    stages: Sequence[str],
    *,
    grace_seconds: float,
    emit: Observer,
) -> list[Stopped]:
    """Stop these stages of a job, or all that run; returns those that did.

    Raises StageBusyError when a runner does not let go of its stage, and what the engine raises.
    """
    runs = all_open_runs(job, skip_unreadable=True)
    live = [stage for stage in project.stages if is_locked(job, stage)]
    lost = [stage for stage in runs if stage not in live and stage in project.stages]
    wanted = [stage for stage in (*live, *lost) if not stages or stage in stages]
    if not wanted:
        return []
    ask_to_stop(job, stages)
    for stage in wanted:
        if stage in lost:
            _stop_lost(job, project, host, stage, emit)
        else:
            _stop_live(job, host.engine, stage, grace_seconds)
    return [
        Stopped(stage=stage, run_id=runs[stage][-1][0] if stage in runs else None)
        for stage in wanted
    ]


def _stop_lost(job: Job, project: Project, host: Host, stage: str, emit: Observer) -> None:
    """Adopt the run in order to end it, as its own runner would have."""
    cancellation = Cancellation()
    cancellation.request("SIGTERM")
    with stage_lock(job, stage):
        recover(project.stages[stage], project, job, replace(host, cancellation=cancellation), emit)


def _stop_live(job: Job, engine: Engine, stage: str, grace_seconds: float) -> None:
    _signal(_containers(job, engine, stage), "SIGTERM")
    if _is_let_go(job, stage, grace_seconds):
        return
    _signal(_containers(job, engine, stage), "SIGKILL")
    if not _is_let_go(job, stage, CLOSE_SECONDS):
        msg = (
            f"{stage} of {job.root} was told to stop, and its runner still has it after "
            f"{grace_seconds + CLOSE_SECONDS:g} s. See: stagerun status {job.root}"
        )
        raise StageBusyError(msg)


def _containers(job: Job, engine: Engine, stage: str) -> list[Container]:
    return engine.containers(stage_labels(job, stage))


def _signal(containers: Sequence[Container], name: str) -> None:
    for container in containers:
        if container.state().is_running:
            container.signal(name)


def _is_let_go(job: Job, stage: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while is_locked(job, stage):
        if time.monotonic() >= end:
            return False
        time.sleep(LOOK_EVERY_SECONDS)
    return True
