"""The end of a run on disk, in an order that a crash cannot spoil.

First the record, then the job manifest, then the journal's last step, then the folders that the
new result makes superfluous: after a crash in between, the next runner finds either a run that is
still open or one that is closed.
"""

from pathlib import Path
from typing import Literal

from runner.job.fingerprint import DigestStore
from runner.job.folder import Job
from runner.job.job_manifest import update_entry, write_record
from runner.job.journal import CLOSED, FOLDER, journal_of
from runner.job.setuid import clear_setuid
from runner.manifest import RunRecord, StageEntry
from runner.run.attempt import release_space
from runner.run.private_files import forget
from runner.run.stage_folder import settle


def close(job: Job, record: RunRecord) -> None:
    """Write down how a run ended and settle which result is in force."""
    release_space(job, record.run_id)
    clear_setuid(job.stage_folder(record.stage_id))
    write_record(job, record)
    update_entry(job, record.stage_id, lambda old: entry_for(job, record, old))
    # Not before: who goes on with a run that was broken off here has to know its secrets.
    forget(job, record.run_id)
    journal_of(job, record.run_id).write(CLOSED, verdict=record.verdict)
    settle(job, record.stage_id, good=record.verdict.good)


def entry_for(job: Job, record: RunRecord, old: StageEntry | None) -> StageEntry:
    """What the job manifest says of the stage after this run."""
    folder = job.stage_folder(record.stage_id)
    kept = old if old is not None and _is_kept(job, record, old) else None
    entry = StageEntry(
        verdict=record.verdict,
        reason=record.reason,
        summary=record.summary,
        run_id=record.run_id,
        completed_at=record.ended_at,
        duration_seconds=record.duration_seconds,
        media_seconds=record.media_seconds,
        memory_peak_bytes=record.usage.memory_peak_bytes,
        warnings=record.warnings,
        manifest=_if_there(job, folder / "manifest.json"),
        log=_if_there(job, folder / "stage.log"),
        record=f".stagerun/runs/{record.run_id}/record.json",
    )
    if record.verdict.good:
        result = {
            "good_run_id": record.run_id,
            "good_is": "in place",
            "fingerprint": record.fingerprint,
            "outputs": record.outputs,
            "given": record.given,
            "manifest_checksum": DigestStore(job).digest(folder / "manifest.json"),
        }
        return entry.model_copy(update=result)
    if kept is None:
        return entry
    return entry.model_copy(
        update={
            "good_run_id": kept.good_run_id,
            "good_is": _previous(job, record.stage_id),
            "fingerprint": kept.fingerprint,
            "outputs": kept.outputs,
            "given": kept.given,
            "manifest_checksum": kept.manifest_checksum,
        }
    )


def _is_kept(job: Job, record: RunRecord, old: StageEntry) -> bool:
    """Whether the result that was on record waits: it was set aside intact, by this run or before.

    One that was set aside as not intact is on record no longer.
    """
    steps = journal_of(job, record.run_id).read()
    moved = any(step["step"] == FOLDER and step["good_moved"] for step in steps)
    waits = old.good_is == "previous" or (old.good_is == "in place" and moved)
    return waits and _previous(job, record.stage_id) is not None


def _previous(job: Job, stage_id: str) -> Literal["previous"] | None:
    return "previous" if job.previous_folder(stage_id).is_dir() else None


def _if_there(job: Job, path: Path) -> str | None:
    return str(path.relative_to(job.root)) if path.is_file() else None
