"""The runner's own files: whatever lies in their place, nothing else is read or written."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from runner.errors import JobFolderError
from runner.job.folder import Job, open_job
from runner.job.journal import INTENT, Journal, journal_of
from runner.job.lock import is_locked, job_manifest_lock, stage_lock
from runner.job.removal import remove_folder
from tests.unit.opens import opened

RUN = "20261121-0914-7f3a"
NOBODY = 65534
Lock = Callable[[Job], AbstractContextManager[None]]


def lock_of_a_stage(job: Job) -> AbstractContextManager[None]:
    return stage_lock(job, "06_asr")


LOCKS = [
    pytest.param("06_asr.lock", lock_of_a_stage, id="stage"),
    pytest.param("manifest.lock", job_manifest_lock, id="manifest"),
]


@pytest.mark.parametrize(("name", "lock"), LOCKS)
def test_a_lock_that_is_a_link_empties_no_other_file(
    job: Job, tmp_path: Path, name: str, lock: Lock
) -> None:
    (tmp_path / "precious").write_text("precious")
    (job.private / "locks" / name).symlink_to(tmp_path / "precious")
    with pytest.raises(JobFolderError, match=rf"{name}.* symbolic link"), lock(job):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize(("name", "lock"), LOCKS)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_lock_that_is_no_file_neither_hangs_nor_ends_in_a_traceback(
    job: Job, name: str, lock: Lock, make: Callable[[Path], None]
) -> None:
    make(job.private / "locks" / name)
    with pytest.raises(JobFolderError, match=name), lock(job):
        pass
    assert not is_locked(job, "06_asr")


def test_a_link_in_place_of_a_lock_is_no_lock(job: Job) -> None:
    with stage_lock(job, "06_asr"):
        other = job.private / "locks" / "06_asr.lock"
        (job.private / "locks" / "07_alignment.lock").symlink_to(other)
        assert not is_locked(job, "07_alignment")


@pytest.fixture
def private_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("private_umask")
def test_everybody_may_look_at_a_lock(job: Job) -> None:
    with stage_lock(job, "06_asr"):
        mode = (job.private / "locks" / "06_asr.lock").stat().st_mode
    assert stat.S_IMODE(mode) & 0o444 == 0o444


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_running_stage_is_seen_to_run_by_another_user() -> None:
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    (root / "job.yaml").write_text("")
    job = open_job(root)
    with stage_lock(job, "06_asr"):
        os.setresuid(NOBODY, NOBODY, 0)
        try:
            assert is_locked(job, "06_asr")
        finally:
            os.setresuid(0, 0, 0)
    remove_folder(root)


@pytest.fixture
def journal(job: Job) -> Journal:
    job.run_folder(RUN).mkdir()
    return journal_of(job, RUN)


def test_a_journal_that_is_a_link_is_neither_written_nor_read(
    journal: Journal, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_text('{"step": "closed"}\n')
    journal.path.symlink_to(tmp_path / "precious")
    with pytest.raises(JobFolderError, match="symbolic link"):
        journal.write(INTENT)
    with pytest.raises(JobFolderError, match="symbolic link"):
        journal.read()
    assert (tmp_path / "precious").read_text() == '{"step": "closed"}\n'


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_journal_that_cannot_be_read_is_told_in_a_sentence(
    journal: Journal, make: Callable[[Path], None]
) -> None:
    make(journal.path)
    with pytest.raises(JobFolderError, match=r"journal\.jsonl"):
        journal.read()
    assert not journal.is_closed


def test_a_run_that_is_a_link_is_not_this_jobs_run(job: Job, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    job.run_folder(RUN).symlink_to(tmp_path / "elsewhere")
    assert list(job.runs()) == []


def test_a_replaced_file_would_be_lost_in_a_power_cut_without_its_folder(job: Job) -> None:
    with opened() as paths:
        job.write(job.manifest_file, "{}")
    assert job.root in paths


def test_a_new_journal_would_be_lost_in_a_power_cut_without_its_folder(journal: Journal) -> None:
    with opened() as paths:
        journal.write(INTENT)
    assert {journal.path.parent, journal.path.parent.parent} <= set(paths)
    with opened() as paths:
        journal.write(INTENT)
    assert paths == [journal.path]
