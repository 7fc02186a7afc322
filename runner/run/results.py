"""Results on disk: is the last one still good, and bringing a previous one back."""

from collections.abc import Mapping
from typing import Any

from runner.errors import InputMissingError, UsageError, Verdict
from runner.job.fingerprint import DigestStore
from runner.job.folder import Job, carry_cache
from runner.job.job_manifest import read_entries, read_record, update_entry
from runner.job.removal import remove_folder
from runner.project.stage import StageSpec
from runner.run.inputs import check_unchanged
from runner.run.switched_off import switch_on


def last_good(job: Job, stage: StageSpec, fingerprint: str) -> dict[str, Any] | None:
    """The stage's entry if its result is in place, unchanged and has this fingerprint.

    To be called under the stage's lock: a stage that was switched off is on again from here.
    """
    entry = read_entries(job).get(stage.id)
    if entry is None or entry["good_is"] != "in place" or entry["fingerprint"] != fingerprint:
        return None
    if skipped_itself(entry):
        return None
    digests = DigestStore(job)
    try:
        check_unchanged(job, stage.id, entry, entry["outputs"], digests)
    except InputMissingError:
        return None
    digests.save()
    return entry if switch_on(job, stage.id, entry) else None


def skipped_itself(entry: Mapping[str, Any]) -> bool:
    """Whether the stage found nothing to do; what it lacked, a secret say, may be there now."""
    return entry["verdict"] == Verdict.SKIPPED and entry["run_id"] is not None


def restore(job: Job, stage_id: str) -> str:
    """Put the previous good result back in place; returns its run id.

    To be called under the stage's lock. Raises UsageError when there is none, or when it is no
    longer what its run had left.
    """
    if finished := finish_restore(job, stage_id):
        return finished
    entry = read_entries(job).get(stage_id)
    previous = job.previous_folder(stage_id)
    if entry is None or entry["good_is"] != "previous" or not previous.is_dir():
        msg = (
            f"there is no previous result of {stage_id} in {job.root} to bring back. "
            f"Run it: stagerun {stage_id} {job.root}"
        )
        raise UsageError(msg)
    try:
        check_unchanged(job, stage_id, entry, entry["outputs"], DigestStore(job), folder=previous)
    except InputMissingError as problem:
        msg = f"the previous result cannot be brought back: {problem}"
        raise UsageError(msg) from None
    folder = job.stage_folder(stage_id)
    carry_cache(folder, previous)
    remove_folder(folder)
    previous.replace(folder)
    return _put_in_force(job, stage_id, str(entry["good_run_id"]))


def finish_restore(job: Job, stage_id: str) -> str | None:
    """Finish what a runner died over: the result lies in place, and its entry says otherwise.

    To be called under the stage's lock. Returns the run id of the result, None where all is well.
    """
    entry = read_entries(job).get(stage_id)
    if entry is None or entry["good_is"] != "previous" or job.previous_folder(stage_id).exists():
        return None
    digests = DigestStore(job)
    try:
        check_unchanged(job, stage_id, entry, entry["outputs"], digests)
    except InputMissingError:
        return None
    digests.save()
    return _put_in_force(job, stage_id, str(entry["good_run_id"]))


def _put_in_force(job: Job, stage_id: str, run_id: str) -> str:
    record = read_record(job, run_id) or {}
    update_entry(job, stage_id, lambda found: _restored(found, record))
    return run_id


def _restored(entry: Any, record: dict[str, Any]) -> Any:
    from runner.errors import Verdict

    return entry.model_copy(
        update={
            "verdict": Verdict.SUCCESS,
            "reason": f"restored the result of run {entry.good_run_id}",
            "good_is": "in place",
            "run_id": entry.good_run_id,
            "record": f".stagerun/runs/{entry.good_run_id}/record.json",
            "summary": record.get("summary", ""),
            "warnings": record.get("warnings", []),
            "duration_seconds": record.get("duration_seconds"),
            "media_seconds": record.get("media_seconds"),
            "memory_peak_bytes": record.get("usage", {}).get("memory_peak_bytes"),
        }
    )
