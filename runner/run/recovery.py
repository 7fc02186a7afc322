"""Finish what a dead runner left on a stage, before anything new begins.

The caller holds the stage's lock, so the runner of an open run is dead. A run whose container was
never started is undone; one that has its record is closed as it says; one whose container had ended
under its runner's eyes is completed; one whose container is still there is adopted. Any other one
is closed as ``runner_lost`` and its container removed, and the good result before it stays in
force. Runs of another machine are never judged.
"""

import contextlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from runner.errors import StageBusyError, Verdict
from runner.events import Notice, Observer
from runner.host.container import Container
from runner.host.engine import LABEL
from runner.job.folder import Job
from runner.job.job_manifest import read_record
from runner.job.journal import CLOSED, STARTED, journal_of, open_runs, owner_of
from runner.job.log_file import mend_logs
from runner.project.pipeline import Project
from runner.project.stage import StageSpec
from runner.run.attempt import Run, release_space
from runner.run.left_containers import forget_left, is_left, remove_containers, stage_labels
from runner.run.leftovers import sweep
from runner.run.private_files import forget
from runner.run.request import Host
from runner.run.results import finish_restore
from runner.run.stage_folder import put_back

if TYPE_CHECKING:
    from runner.manifest import RunRecord
    from runner.run.adoption import Adopted

KEPT: Final = "The run is closed as runner_lost, the result before it stays in force"


def recover(
    stage: StageSpec,
    project: Project,
    job: Job,
    host: Host,
    emit: Observer,
    *,
    adopts: bool = True,
) -> "Adopted | None":
    """Close every open run of a stage, and see the one to its end whose container is still there.

    What else dead runners left of the stage is removed.

    Raises StageBusyError for runs of another machine, and for a container that is still there
    where none shall be adopted; and what the engine raises.
    """
    adopted = None
    runs = open_runs(job, stage.id)
    if runs:
        mend_logs(job)
    for run_id, steps in runs:
        _check_machine(stage.id, job, run_id, steps, host)
        containers = containers_of(run_id, stage.id, job, host)
        if run := adoptable(stage, project, job, host, run_id, steps, containers):
            if not adopts:
                raise StageBusyError(_goes_on(run))
            from runner.run.adoption import adopt

            adopted = adopt(run, containers[0], emit)
            if adopted.record.verdict is Verdict.RUNNER_LOST:
                emit(Notice(stage=stage.id, message=f"{adopted.record.reason} {KEPT}"))
            continue
        record = _record_of(run_id, stage.id, job)
        seen_running = any(step["step"] == STARTED for step in steps)
        started = _remove(containers) or seen_running
        _give_up_gpus(stage, project, host, [container.id for container in containers])
        if record is not None:
            _close_again(job, record)
        elif started:
            emit(Notice(stage=stage.id, message=_close_started(run_id, stage, job, steps)))
        else:
            _undo(run_id, stage.id, job)
    if is_left(job, stage.id):
        removed = remove_containers(stage.id, job, host)
        _give_up_gpus(stage, project, host, removed)
        forget_left(job, stage.id)
    finish_restore(job, stage.id)
    sweep(job, stage.id)
    return adopted


def adoptable(
    stage: StageSpec,
    project: Project,
    job: Job,
    host: Host,
    run_id: str,
    steps: list[dict[str, Any]],
    containers: Sequence[Container],
) -> Run | None:
    """The open run of these containers if it can be gone on with. Raises what the engine raises."""
    if _record_of(run_id, stage.id, job) is not None:
        return None
    from runner.run.adoption import is_adoptable
    from runner.run.intent import run_again

    run = run_again(stage, project, job, host, run_id, steps)
    return run if run and is_adoptable(steps, containers, run) else None


def _give_up_gpus(
    stage: StageSpec, project: Project, host: Host, container_ids: Sequence[str]
) -> None:
    """Give back what containers of a stage had that are gone for certain."""
    if container_ids and stage.gpu != "none":
        from runner.run.gpu_request import give_up

        give_up(project.settings.gpu, host, container_ids)


def _goes_on(run: Run) -> str:
    stage_id, root = run.request.stage.id, run.job.root
    return (
        f"the runner of run {run.id} of {stage_id} died, and its container is still there. See it "
        f"to its end with: stagerun {stage_id} {root}"
    )


def _check_machine(
    stage_id: str, job: Job, run_id: str, steps: list[dict[str, Any]], host: Host
) -> None:
    if owner_of(steps)["machine_id"] != host.identity.machine_id:
        msg = (
            f"{stage_id} of {job.root} was begun on another machine (run {run_id}), and nobody "
            "here can tell whether it still runs. Finish it there."
        )
        raise StageBusyError(msg)


def containers_of(run_id: str, stage_id: str, job: Job, host: Host) -> list[Container]:
    """What the engine has of a run. Raises what the engine raises."""
    return host.engine.containers({**stage_labels(job, stage_id), f"{LABEL}run": run_id})


def _remove(containers: Iterable[Container]) -> bool:
    """Remove what is left of a run; returns whether any of it had ever been started."""
    started = False
    for container in containers:
        started |= container.state().status != "created"
        container.remove()
    return started


def _undo(run_id: str, stage_id: str, job: Job) -> None:
    """Leave the stage as it was before a run that never started."""
    journal = journal_of(job, run_id)
    put_back(job, stage_id, journal)
    release_space(job, run_id)
    forget(job, run_id)
    journal.write(CLOSED, verdict=Verdict.RUNNER_LOST, reason="never started")


def _record_of(run_id: str, stage_id: str, job: Job) -> "RunRecord | None":
    """The record of a run; one that holds anything else counts as none."""
    found = read_record(job, run_id)
    if found is None:
        return None
    from pydantic import ValidationError

    from runner.manifest import RunRecord

    with contextlib.suppress(ValidationError):
        record = RunRecord.model_validate(found)
        if (record.run_id, record.stage_id) == (run_id, stage_id):
            return record
    return None


def _close_again(job: Job, record: "RunRecord") -> None:
    """Finish the closing of a run that has its record: each of its steps can be repeated."""
    from runner.run.closing import close

    close(job, record)


def _close_started(run_id: str, stage: StageSpec, job: Job, steps: list[dict[str, Any]]) -> str:
    """Close a run that has no record; returns what to tell the user."""
    from runner.run.closing import close
    from runner.run.ended import complete, unfinished

    pid = owner_of(steps)["pid"]
    died = f"the runner of run {run_id} died (process {pid})"
    if (record := complete(stage, job, run_id, steps)) is not None:
        close(job, record)
        return f"{died} when its container had ended; the run is closed as {record.verdict}"
    reason = f"The runner of this run died (process {pid})."
    close(job, unfinished(job, run_id, steps, Verdict.RUNNER_LOST, reason))
    return f"{died}. {KEPT}"
