"""Finish what a dead runner left on a stage, before anything new begins.

The caller holds the stage's lock, so the runner of an open run is dead. A run whose container was
never started is undone; one that has its record is closed as it says; one whose container had ended
under its runner's eyes is completed; any other one is closed as ``runner_lost`` and its container
removed, and the good result before it stays in force. Runs of another machine are never judged.
"""

import contextlib
from typing import TYPE_CHECKING, Any

from runner.errors import StageBusyError, Verdict
from runner.events import Notice, Observer
from runner.host.engine import LABEL
from runner.job.folder import Job
from runner.job.job_manifest import read_record
from runner.job.journal import CLOSED, STARTED, journal_of, open_runs
from runner.project.stage import StageSpec
from runner.run.attempt import release_space, stage_labels
from runner.run.ended import complete, unfinished
from runner.run.request import Host
from runner.run.results import finish_restore
from runner.run.site_access import forget_proxy
from runner.run.stage_folder import put_back

if TYPE_CHECKING:
    from runner.manifest import RunRecord


def recover(stage: StageSpec, job: Job, host: Host, emit: Observer) -> None:
    """Close every open run of a stage. Raises StageBusyError for runs of another machine."""
    stage_id = stage.id
    for run_id, steps in open_runs(job, stage_id):
        owner = steps[0]["owner"]
        if owner["machine_id"] != host.identity.machine_id:
            msg = (
                f"{stage_id} of {job.root} was begun on another machine (run {run_id}), and nobody "
                "here can tell whether it still runs. Finish it there."
            )
            raise StageBusyError(msg)
        seen_running = any(step["step"] == STARTED for step in steps)
        started = _remove_containers(run_id, stage_id, job, host) or seen_running
        if (record := _record_of(run_id, stage_id, job)) is not None:
            _close_again(job, record)
        elif started:
            emit(Notice(stage=stage_id, message=_close_started(run_id, stage, job, steps)))
        else:
            journal = journal_of(job, run_id)
            put_back(job, stage_id, journal)
            release_space(job, run_id)
            forget_proxy(job, run_id)
            journal.write(CLOSED, verdict=Verdict.RUNNER_LOST, reason="never started")
    finish_restore(job, stage_id)


def _remove_containers(run_id: str, stage_id: str, job: Job, host: Host) -> bool:
    """Remove what is left of a run; returns whether any of it had ever been started."""
    labels = {**stage_labels(job, stage_id), f"{LABEL}run": run_id}
    started = False
    for container in host.engine.containers(labels):
        started |= container.state().status != "created"
        container.remove()
    return started


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

    died = f"the runner of run {run_id} died (process {steps[0]['owner']['pid']})"
    if (record := complete(stage, job, run_id, steps)) is not None:
        close(job, record)
        return f"{died} when its container had ended; the run is closed as {record.verdict}"
    reason = f"The runner of this run died (process {steps[0]['owner']['pid']})."
    close(job, unfinished(job, run_id, steps, Verdict.RUNNER_LOST, reason))
    return f"{died}; the run is closed as runner_lost, the result before it stays in force"
