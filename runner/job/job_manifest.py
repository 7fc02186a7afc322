"""The job manifest: which stages ran, what came of it, and which result is in force.

Written by the runner alone, whole files at a time and under a lock. Reading stays free of pydantic
so that a resume with nothing to do is quick; ``stagerun validate`` checks the file in full.
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from runner.errors import JobAccessError, JobFolderError
from runner.job.folder import Job
from runner.job.lock import job_manifest_lock

if TYPE_CHECKING:
    from runner.manifest import RunRecord, StageEntry

NEEDED: Final = frozenset({
    "verdict", "reason", "summary", "run_id", "good_run_id", "good_is", "fingerprint", "outputs",
    "duration_seconds", "memory_peak_bytes", "warnings",
})  # fmt: skip
"""What every entry has, whoever reads it."""
OF_EACH_OUTPUT: Final = frozenset({"name", "path", "size_bytes"})

RESULT_KEYS: Final = (
    "good_run_id", "good_is", "fingerprint", "outputs", "given", "manifest_checksum",
)  # fmt: skip
"""What an entry says of the result that is in force or kept, whatever the last run came to."""


def read_entries(job: Job) -> dict[str, dict[str, Any]]:
    """The entries of all stages, as plain data. Raises JobFolderError if the file is damaged."""
    try:
        stages: dict[str, dict[str, Any]] = json.loads(job.manifest_file.read_bytes())["stages"]
        broken = [name for name, entry in stages.items() if not _is_whole(entry)]
        if broken:
            raise KeyError(broken[0])
    except FileNotFoundError:
        return {}
    except OSError as problem:
        msg = (
            f"{job.manifest_file} cannot be read: {problem.strerror}. Check its owner and its file "
            "system."
        )
        raise JobAccessError(msg) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        msg = (
            f"{job.manifest_file} cannot be read ({problem}). It is written by the runner alone: "
            "remove it and run the job again; all its stages then run anew."
        )
        raise JobFolderError(msg) from None
    return stages


def _is_whole(entry: Mapping[str, Any]) -> bool:
    # Which verdicts there are is not asked: a newer runner may know others.
    return (
        entry.keys() >= NEEDED
        and isinstance(entry["verdict"], str)
        and all(output.keys() >= OF_EACH_OUTPUT for output in entry["outputs"])
    )


def made_at(job: Job) -> datetime:
    """When the job was made, as far as its files tell: at the latest when it first ran.

    A job.yaml that is edited looks as if it were new; the folder of the inputs does not.
    """
    times = []
    for path in (job.file, job.input):
        with contextlib.suppress(OSError, ValueError, OverflowError):
            times.append(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    with contextlib.suppress(
        OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError
    ):
        created = json.loads(job.manifest_file.read_bytes())["created_at"]
        times.append(datetime.fromisoformat(created).astimezone(UTC))
    return min(times, default=datetime.now(UTC))


def read_record(job: Job, run_id: str) -> dict[str, Any] | None:
    """The record of a run, as plain data; None where there is none."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        record = json.loads((job.run_folder(run_id) / "record.json").read_bytes())
        return record if isinstance(record, dict) else None
    return None


def write_record(job: Job, record: "RunRecord") -> None:
    """Put a run's record on disk, whole."""
    path = job.run_folder(record.run_id) / "record.json"
    job.write(path, record.model_dump_json(indent=2) + "\n")


def update_entry(
    job: Job, stage_id: str, change: "Callable[[StageEntry | None], StageEntry | None]"
) -> None:
    """Replace a stage's entry by what ``change`` makes of it (None removes it)."""
    from runner.manifest import JobManifest

    now = datetime.now(UTC)
    with job_manifest_lock(job):
        manifest = _load(job) or JobManifest(job=job.name, created_at=now, updated_at=now)
        entry = change(manifest.stages.get(stage_id))
        stages = {key: value for key, value in manifest.stages.items() if key != stage_id}
        if entry is not None:
            stages[stage_id] = entry
        updated = manifest.model_copy(
            update={
                "stages": dict(sorted(stages.items())),
                "updated_at": now,
                "workflow": job.workflow,
            }
        )
        job.write(job.manifest_file, updated.model_dump_json(indent=2) + "\n")


def _load(job: Job) -> Any:
    from pydantic import ValidationError

    from runner.manifest import JobManifest

    try:
        return JobManifest.model_validate_json(job.manifest_file.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as problem:
        msg = (
            f"{job.manifest_file} does not hold what a runner writes ({problem.error_count()} "
            "findings). Remove it and run the job again; all its stages then run anew."
        )
        raise JobFolderError(msg) from None
