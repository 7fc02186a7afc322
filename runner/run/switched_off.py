"""A stage with ``enabled: false``: no container, and an entry that says so.

The result that the stage has stays on record beside it, for the day when it is switched on again;
meanwhile nobody reads it.
"""

from datetime import UTC, datetime

from runner.errors import Verdict
from runner.events import Observer
from runner.job.folder import Job
from runner.job.job_manifest import RESULT_KEYS, read_entries, read_record, update_entry
from runner.job.lock import stage_lock
from runner.project.stage import StageSpec
from runner.run.outcome import waiting
from runner.run.request import Host, RunOptions


def record_skipped(
    stage: StageSpec, job: Job, host: Host, options: RunOptions, emit: Observer
) -> str:
    """Write the stage down as skipped; returns the reason. Files of earlier runs stay.

    Raises StageBusyError when another runner has the stage, and CancelledError.
    """
    reason = _reason(job, stage.id)
    with stage_lock(
        job,
        stage.id,
        wait_seconds=options.wait_seconds,
        waiting=waiting(stage, emit),
        cancelled=lambda: host.cancellation.signal,
    ):
        entry = read_entries(job).get(stage.id)
        if entry is None or not _is_switched_off(entry) or entry["reason"] != reason:
            _write(job, stage.id, reason)
    return reason


def _reason(job: Job, stage_id: str) -> str:
    place = "stagerun.yaml"
    if stage_id in job.switches and job.switches[stage_id].enabled is False:
        place = job.document.where("stages", stage_id)
    return f"switched off ({place}: stages.{stage_id}.enabled is false)"


def _is_switched_off(entry: dict[str, object]) -> bool:
    """A stage that skipped itself has a run; one that is switched off has none."""
    return entry["verdict"] == Verdict.SKIPPED and entry["run_id"] is None


def _write(job: Job, stage_id: str, reason: str) -> None:
    from runner.manifest import StageEntry

    def skipped(old: StageEntry | None) -> StageEntry:
        now = datetime.now(UTC)
        entry = StageEntry(verdict=Verdict.SKIPPED, reason=reason, completed_at=now)
        kept = {name: getattr(old, name) for name in RESULT_KEYS} if old else {}
        return entry.model_copy(update=kept)

    update_entry(job, stage_id, skipped)


def switch_on(job: Job, stage_id: str, entry: dict[str, object]) -> bool:
    """Put a result that is good, but of a stage that was switched off, in force again.

    To be called under the stage's lock. False when its record is gone, so that nobody can.
    """
    if not _is_switched_off(entry):
        return True
    record = read_record(job, str(entry["good_run_id"]))
    if record is None:
        return False
    from runner.manifest import RunRecord
    from runner.run.closing import entry_for

    run = RunRecord.model_validate(record)
    update_entry(job, stage_id, lambda old: entry_for(job, run, old))
    return True
