"""The job manifest: one writer at a time, and a damaged file that is not taken for an empty one."""

import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.errors import JobFolderError, Verdict
from runner.job.folder import Job
from runner.job.job_manifest import made_at, read_entries, read_record, update_entry
from runner.manifest import JobManifest, StageEntry

WHOLE: dict[str, object] = {
    "verdict": "success", "reason": "", "summary": "", "run_id": "1", "good_run_id": "1",
    "good_is": "in place", "fingerprint": None, "duration_seconds": 1.0, "memory_peak_bytes": 1,
    "warnings": [], "outputs": [{"name": "copy", "path": "06_asr/copy.txt", "size_bytes": 1}],
}  # fmt: skip
BROKEN_PARTS: tuple[dict[str, object], ...] = (
    {"verdict": []},
    {"outputs": "copy"},
    {"outputs": [{"name": "copy", "path": "06_asr/copy.txt"}]},
)
DAMAGE = [
    "",
    '{"stages": {',
    "[]",
    "null",
    "{}",
    '{"stages": []}',
    '{"stages": {"06_asr": {}}}',
    '{"stages": {"06_asr": 1}}',
    '{"stages": null}',
    "[" * 5000,
    *(json.dumps({"stages": {"06_asr": WHOLE | part}}) for part in BROKEN_PARTS),
]


def entry(reason: str = "") -> StageEntry:
    return StageEntry(verdict=Verdict.SUCCESS, reason=reason, completed_at=datetime.now(UTC))


def test_a_job_without_manifest_has_no_entries(job: Job) -> None:
    assert read_entries(job) == {}


def test_an_entry_with_all_that_readers_need_is_whole(job: Job) -> None:
    job.manifest_file.write_text(json.dumps({"stages": {"06_asr": WHOLE}}))
    assert read_entries(job) == {"06_asr": WHOLE}


def test_an_entry_is_read_as_it_was_written(job: Job) -> None:
    update_entry(job, "06_asr", lambda _: entry("why"))
    assert read_entries(job)["06_asr"]["reason"] == "why"
    document = JobManifest.model_validate_json(job.manifest_file.read_bytes())
    assert document.job == "job1"


def test_an_update_sees_the_entry_before_it(job: Job) -> None:
    update_entry(job, "06_asr", lambda _: entry("one"))
    update_entry(job, "06_asr", lambda old: entry(f"{old.reason if old else ''} two"))
    assert read_entries(job)["06_asr"]["reason"] == "one two"


def test_an_entry_can_be_taken_away(job: Job) -> None:
    update_entry(job, "06_asr", lambda _: entry())
    update_entry(job, "06_asr", lambda _: None)
    assert read_entries(job) == {}


def test_the_time_of_creation_stays(job: Job) -> None:
    update_entry(job, "06_asr", lambda _: entry())
    first = json.loads(job.manifest_file.read_bytes())
    update_entry(job, "05_vad", lambda _: entry())
    second = json.loads(job.manifest_file.read_bytes())
    assert second["created_at"] == first["created_at"]
    assert list(second["stages"]) == ["05_vad", "06_asr"]


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="most disks know no time so late")
def test_a_file_of_the_year_10000_does_not_keep_a_job_from_being_used() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        job = Job(Path(folder))
        job.file.touch()
        os.utime(job.file, (300_000_000_000, 300_000_000_000))
        assert made_at(job) <= datetime.now(UTC)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-12:00", "soon", 7])
def test_a_time_of_creation_that_makes_no_sense_counts_for_nothing(job: Job, text: object) -> None:
    job.manifest_file.write_text(json.dumps({"created_at": text}))
    assert made_at(job) <= datetime.now(UTC)


def test_stages_that_end_at_the_same_time_lose_no_entry(job: Job) -> None:
    stages = [f"{number:02}_x" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda stage: update_entry(job, stage, lambda _: entry(stage)), stages))
    assert sorted(read_entries(job)) == stages


@pytest.mark.parametrize("text", DAMAGE)
def test_a_damaged_manifest_is_refused_with_what_to_do(job: Job, text: str) -> None:
    job.manifest_file.write_text(text)
    with pytest.raises(JobFolderError, match="remove it and run the job again"):
        read_entries(job)


@pytest.mark.parametrize("text", DAMAGE)
def test_a_damaged_manifest_is_not_overwritten(job: Job, text: str) -> None:
    job.manifest_file.write_text(text)
    with pytest.raises(JobFolderError, match="Remove it and run the job again"):
        update_entry(job, "06_asr", lambda _: entry())
    assert job.manifest_file.read_text() == text


def test_a_change_that_fails_leaves_the_manifest_as_it_was(job: Job) -> None:
    update_entry(job, "06_asr", lambda _: entry("good"))
    before = job.manifest_file.read_bytes()

    def fail(_: StageEntry | None) -> StageEntry:
        msg = "on purpose"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError):
        update_entry(job, "06_asr", fail)
    assert job.manifest_file.read_bytes() == before


@pytest.mark.parametrize("text", [None, "", "{", "\0"])
def test_a_record_that_cannot_be_read_is_none(job: Job, text: str | None) -> None:
    job.run_folder("r").mkdir()
    if text is not None:
        (job.run_folder("r") / "record.json").write_text(text)
    assert read_record(job, "r") is None
