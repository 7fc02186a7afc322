"""Finish what a dead runner left on a stage, before anything new begins.

The caller holds the stage's lock, so the runner of an open run is dead. A run whose container was
never started is undone; one that has its record is closed as it says; any other one is closed as
``runner_lost`` and its container removed, and the good result before it stays in force. Runs of
another machine are never judged.
"""

from datetime import UTC, datetime
from typing import Any

from runner.errors import StageBusyError, Verdict
from runner.events import Notice, Observer
from runner.host.engine import LABEL
from runner.job.folder import Job
from runner.job.job_manifest import read_record
from runner.job.journal import CLOSED, STARTED, journal_of, open_runs
from runner.run.attempt import put_back, release_space, stage_labels
from runner.run.request import Host


def recover(stage_id: str, job: Job, host: Host, emit: Observer) -> None:
    """Close every open run of a stage. Raises StageBusyError for runs of another machine."""
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
        if (record := read_record(job, run_id)) is not None:
            _close_again(job, record)
        elif started:
            _close_as_lost(run_id, stage_id, job, steps)
            emit(
                Notice(
                    stage=stage_id,
                    message=f"the runner of run {run_id} died (process {owner['pid']}); the run is "
                    "closed as runner_lost, the result before it stays in force",
                )
            )
        else:
            journal = journal_of(job, run_id)
            put_back(job, stage_id, journal)
            release_space(job, run_id)
            journal.write(CLOSED, verdict=Verdict.RUNNER_LOST, reason="never started")


def _remove_containers(run_id: str, stage_id: str, job: Job, host: Host) -> bool:
    """Remove what is left of a run; returns whether any of it had ever been started."""
    labels = {**stage_labels(job, stage_id), f"{LABEL}run": run_id}
    started = False
    for container in host.engine.containers(labels):
        started |= container.state().status != "created"
        container.remove()
    return started


def _close_again(job: Job, record: dict[str, Any]) -> None:
    """Finish the closing of a run that has its record: each of its steps can be repeated."""
    from runner.manifest import RunRecord
    from runner.run.closing import close

    close(job, RunRecord.model_validate(record))


def _close_as_lost(run_id: str, stage_id: str, job: Job, steps: list[dict[str, Any]]) -> None:
    from runner.manifest import ImageReference, RunnerIdentity, RunRecord
    from runner.run.closing import close
    from runner.version import VERSION

    intent, owner = steps[0], steps[0]["owner"]
    began = datetime.fromisoformat(intent["time"])
    now = datetime.now(UTC)
    record = RunRecord(
        run_id=run_id,
        stage_id=stage_id,
        job=job.name,
        variant=None,
        verdict=Verdict.RUNNER_LOST,
        reason=f"The runner of this run died (process {owner['pid']}).",
        advice="Run the stage again; the result before it stays in force.",
        started_at=began,
        ended_at=now,
        duration_seconds=max(0.0, (now - began).total_seconds()),
        image=ImageReference(name=intent["image"], digest=intent["image"]),
        fingerprint=intent["fingerprint"],
        runner=RunnerIdentity(
            pid=owner["pid"],
            pid_started=str(owner["started"]),
            boot_id=owner["boot_id"],
            machine_id=owner["machine_id"],
            version=VERSION,
        ),
    )
    close(job, record)
