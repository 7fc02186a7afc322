"""The pipeline log: every line whole, in order, once; and never a reason to stop."""

import os
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import Verdict
from runner.events import Event, JobFinished, JobStarted, Notice, StageWaiting
from runner.job.folder import Job
from runner.job.log_file import mend_logs
from runner.observers.pipeline_log import PipelineLog
from tests.unit.observers.recorded import (
    RUN,
    STAGE,
    attempt_failed,
    failed,
    finished,
    log_line,
    progress,
    started,
)

NOW = "2026-11-21T09:14:04.000Z"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "logs").mkdir()
    return Job(tmp_path)


@pytest.fixture
def log(job: Job) -> PipelineLog:
    return PipelineLog(job, pytest.fail, clock=lambda: NOW)


def text_of(log: PipelineLog) -> str:
    log.close()
    return log.path.read_text()


def messages(log: PipelineLog) -> list[str]:
    return [line.split("] ")[-1] for line in text_of(log).splitlines()]


def test_the_file_is_named_after_time_and_process(log: PipelineLog) -> None:
    assert re.fullmatch(rf"99_pipeline_\d{{8}}T\d{{6}}Z_{os.getpid()}\.log", log.path.name)


def test_a_line_has_time_stage_level_and_message(log: PipelineLog) -> None:
    log(log_line("reading", "WARNING"))
    assert text_of(log) == "[2026-11-21T09:14:03.123Z] [asr] [WARNING] reading\n"


def test_what_the_runner_does_is_in_the_log_too(log: PipelineLog) -> None:
    for event in (
        JobStarted(job="j", headline="out/film · film.mkv", stages=(STAGE,)),
        StageWaiting(stage=STAGE, reason="process 7"),
        started(gpus=("GPU-1",)),
        Notice(stage=STAGE, message="no GPU was granted"),
        finished(warnings=("old image",)),
        failed(),
        JobFinished(job="j", verdict=Verdict.OOM_MEMORY, exit_code=7),
    ):
        log(event)
    assert text_of(log).splitlines() == [
        f"[{NOW}] [stagerun] [INFO] out/film · film.mkv",
        f"[{NOW}] [asr] [INFO] waiting: process 7",
        f"[{NOW}] [asr] [INFO] run 20261121-0914-7f3a started in stagerun/06_asr:main on GPU GPU-1",
        f"[{NOW}] [asr] [WARNING] no GPU was granted",
        f"[{NOW}] [asr] [INFO] run 20261121-0914-7f3a: success, after 4.1 s, peak 64 MB: "
        "segments.json",
        "    warning: old image",
        f"[{NOW}] [asr] [ERROR] run 20261121-0914-7f3a: oom_memory, after 6.2 s, peak 64 MB: "
        "The stage was killed at its limit of 2 GiB.",
        "    Raise it with --memory 6GiB.",
        "    log: out/job1/06_asr/stage.log",
        f"[{NOW}] [stagerun] [ERROR] ended: oom_memory",
    ]


def test_a_refusal_is_an_error_and_no_failure_of_the_stage(log: PipelineLog) -> None:
    log(finished(verdict=None, exit_code=2, summary="no such key", run_id=None,
                 duration_seconds=None, memory_peak_bytes=None))  # fmt: skip
    log(JobFinished(job="j", verdict=None, exit_code=2))
    assert log.path.read_text().splitlines() == [
        f"[{NOW}] [asr] [ERROR] refused, exit code 2: no such key",
        f"[{NOW}] [stagerun] [ERROR] ended: refused, exit code 2",
    ]


def test_every_attempt_is_in_the_log(log: PipelineLog) -> None:
    log(attempt_failed())
    log(started(attempt=2, attempts=3))
    assert text_of(log).splitlines() == [
        f"[{NOW}] [asr] [WARNING] attempt 1 of 3 failed: run {RUN}: oom_memory, after 6.2 s: "
        "The stage was killed at its limit of 2 GiB.",
        "    The next attempt has memory 4 GiB instead of 2 GiB.",
        f"[{NOW}] [asr] [INFO] run {RUN} started in stagerun/06_asr:main, attempt 2 of 3",
    ]


def test_a_message_cannot_begin_a_line_of_its_own(log: PipelineLog) -> None:
    log(log_line("one\n[2026] [mux] [INFO] forged\x1b[2J"))
    assert text_of(log).splitlines()[1:] == ["    [2026] [mux] [INFO] forged\\x1b[2J"]


def test_a_forged_number_keeps_no_line_out_of_the_log(log: PipelineLog) -> None:
    for sequence in (1, 10**9, 2, 2):
        log(log_line(f"line {sequence}", sequence=sequence))
    assert messages(log) == ["line 1", "line 1000000000", "line 2", "line 2"]


def test_an_adopted_run_goes_on_in_its_first_log_and_nothing_stands_there_twice(
    log: PipelineLog, job: Job
) -> None:
    log(started())
    for text in ("one", "two", "two", "three\nlines"):
        log(log_line(text))
    log.close()
    later = PipelineLog(job, pytest.fail, clock=lambda: NOW)
    later.path = log.path.with_name("99_pipeline_later.log")
    later(replace(started(), adopted=True))
    for text in ("one", "two", "two", "three\nlines", "two", "four"):
        later(log_line(text))
    later(finished())
    told = messages(log)
    assert told[1:4] == ["one", "two", "two"]
    assert "adopted run" in told[6]
    assert told[7:9] == ["two", "four"]
    assert "success" in told[9]
    assert [line for line in messages(later) if "goes on in" in line]
    assert "four" not in messages(later)


def test_half_a_line_of_a_killed_runner_is_taken_away(log: PipelineLog, job: Job) -> None:
    log(log_line("whole"))
    log.close()
    with log.path.open("a") as file:
        file.write("[2026] [asr] [INFO] ha")
    mend_logs(job)
    assert messages(log) == ["whole"]


def test_a_log_that_is_being_written_is_not_mended(log: PipelineLog, job: Job) -> None:
    log(log_line("whole"))
    with log.path.open("a") as file:
        file.write("[2026] [asr] [INFO] ha")
    mend_logs(job)
    assert text_of(log).endswith(" ha")


def test_lines_of_several_threads_stay_whole(log: PipelineLog) -> None:
    def write(number: int) -> None:
        for _ in range(50):
            log(log_line(f"{number}" * 500))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bodies = [line.split("] ")[-1] for line in text_of(log).splitlines()]
    assert len(bodies) == 200
    assert all(len(set(body)) == 1 and len(body) == 500 for body in bodies)


def test_a_folder_that_cannot_be_written_costs_one_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    log = PipelineLog(Job(tmp_path / "gone"), warnings.append)
    log(finished())
    log(finished())
    (warning,) = warnings
    assert str(log.path) in warning
    assert "No such file" in warning


def test_a_job_that_cannot_be_looked_into_costs_one_warning_and_not_the_call(
    tmp_path: Path,
) -> None:
    warnings: list[str] = []
    log = PipelineLog(Job(tmp_path / ("x" * 300)), warnings.append)
    log(JobStarted(job="j", headline="out/film", stages=(STAGE,)))
    log(started(adopted=True))
    log(finished())
    (warning,) = warnings
    assert "name too long" in warning


def test_a_log_whose_disk_fails_as_it_is_closed_is_no_reason_to_stop(log: PipelineLog) -> None:
    log(finished())
    (descriptor,) = (
        int(link.name) for link in Path("/proc/self/fd").iterdir() if leads_to(link, log.path)
    )
    os.close(descriptor)
    log.close()
    log(finished())
    assert len(messages(log)) == 2


def leads_to(link: Path, path: Path) -> bool:
    try:
        return link.readlink() == path
    except FileNotFoundError:  # that of the folder itself, by which they are listed
        return False


def test_progress_is_no_matter_for_the_log(log: PipelineLog) -> None:
    log(progress(1, 2))
    assert not log.path.exists()


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("precious"), os.mkfifo])
def test_a_log_is_not_written_through_what_lies_in_its_place(
    job: Job, make: Callable[[Path], None]
) -> None:
    (job.logs / "precious").write_text("precious")
    told: list[str] = []
    log = PipelineLog(job, told.append, clock=lambda: NOW)
    make(log.path)
    log(log_line("reading", "WARNING"))
    assert (job.logs / "precious").read_text() == "precious"
    assert len(told) == 1


def stopped() -> list[Event]:
    end = finished(verdict=Verdict.CANCELLED, run_id=None, duration_seconds=None)
    return [end, JobFinished(job="j", verdict=Verdict.CANCELLED, exit_code=130)]


def test_a_job_that_is_stopped_before_it_began_has_no_log(log: PipelineLog) -> None:
    for event in stopped():
        log(event)
    assert not log.path.exists()


def test_a_job_that_is_stopped_after_it_began_has_that_in_its_log(log: PipelineLog) -> None:
    log(JobStarted(job="j", headline="out/film", stages=(STAGE,)))
    log.close()
    for event in stopped():
        log(event)
    assert messages(log)[-1] == "ended: cancelled"
