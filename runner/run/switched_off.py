"""A stage with ``enabled: false``: no container, and an entry that says so."""

from datetime import UTC, datetime

from runner.errors import Verdict
from runner.job.folder import Job
from runner.job.job_manifest import read_entries, update_entry


def record_skipped(job: Job, stage_id: str) -> str:
    """Write the stage down as skipped; returns the reason. Files of earlier runs stay."""
    document = job.document
    where = document.where("stages", stage_id)
    place = where if stage_id in job.switches else "stagerun.yaml"
    reason = f"switched off ({place}: stages.{stage_id}.enabled is false)"
    entry = read_entries(job).get(stage_id)
    if entry is None or entry["verdict"] != Verdict.SKIPPED or entry["reason"] != reason:
        from runner.manifest import StageEntry

        update_entry(
            job,
            stage_id,
            lambda _: StageEntry(
                verdict=Verdict.SKIPPED, reason=reason, completed_at=datetime.now(UTC)
            ),
        )
    return reason
