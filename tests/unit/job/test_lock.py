"""One runner per job and stage."""

import os
import threading
import time

import pytest

from runner.errors import CancelledError, StageBusyError
from runner.job.folder import Job
from runner.job.lock import is_locked, stage_lock


def test_a_second_runner_is_refused_and_told_who_has_the_stage(job: Job) -> None:
    with (
        stage_lock(job, "06_asr"),
        pytest.raises(StageBusyError, match=f"process {os.getpid()}.*--wait"),
        stage_lock(job, "06_asr"),
    ):
        pass


def test_other_stages_and_other_jobs_are_free(job: Job) -> None:
    with stage_lock(job, "06_asr"), stage_lock(job, "07_alignment"):
        assert is_locked(job, "06_asr")
        assert not is_locked(job, "08_translation")


def test_a_lock_is_free_again_when_its_block_ended_badly(job: Job) -> None:
    with pytest.raises(ValueError, match="on purpose"), stage_lock(job, "06_asr"):
        raise ValueError("on purpose")  # noqa: EM101 - the text is what the test looks for
    assert not is_locked(job, "06_asr")


def test_a_stage_that_never_ran_is_not_locked(job: Job) -> None:
    assert not is_locked(job, "06_asr")
    assert not (job.private / "locks" / "06_asr.lock").exists()


def test_looking_at_a_lock_does_not_take_it(job: Job) -> None:
    with stage_lock(job, "06_asr"):
        assert is_locked(job, "06_asr")
        assert is_locked(job, "06_asr")
    with stage_lock(job, "06_asr"):
        pass


def test_a_runner_that_waits_gets_the_stage_and_says_once_for_whom_it_waits(job: Job) -> None:
    told: list[str] = []
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with stage_lock(job, "06_asr"):
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    threading.Timer(0.3, release.set).start()
    with stage_lock(job, "06_asr", wait_seconds=10, waiting=told.append):
        pass
    thread.join()
    assert told == [f"waiting for process {os.getpid()}, which runs 06_asr"]


def test_waiting_has_an_end(job: Job) -> None:
    begun = time.monotonic()
    with (
        stage_lock(job, "06_asr"),
        pytest.raises(StageBusyError),
        stage_lock(job, "06_asr", wait_seconds=0.3),
    ):
        pass
    assert 0.3 <= time.monotonic() - begun < 5


def test_a_runner_that_waits_can_be_stopped(job: Job) -> None:
    with (
        stage_lock(job, "06_asr"),
        pytest.raises(CancelledError, match="cancelled by SIGINT while waiting"),
        stage_lock(job, "06_asr", wait_seconds=60, cancelled=lambda: "SIGINT"),
    ):
        pass


def test_a_holder_that_left_no_name_is_another_runner(job: Job) -> None:
    with stage_lock(job, "06_asr"):
        (job.private / "locks" / "06_asr.lock").write_text("")
        with (
            pytest.raises(StageBusyError, match="by another runner"),
            stage_lock(job, "06_asr"),
        ):
            pass
