"""Many jobs on a terminal: one table that can be read, and a line for each that is over."""

import time

import pytest

from runner.errors import Verdict
from runner.events import (
    Copying,
    FailedJob,
    JobFinished,
    JobRefused,
    JobsFinished,
    JobsPlanned,
    JobTaken,
    Notice,
    PlannedJob,
    Resources,
    StageFinished,
    StageWaiting,
    WaitsFor,
    Watching,
)
from runner.observers.console import Manner
from runner.observers.jobs_console import JobsConsole
from runner.observers.plain import cells
from runner.observers.stream import Stream
from tests.unit.observers.many_jobs import STAGES, Table, ended, planned, run
from tests.unit.observers.recorded import RUN, Shown, failed, finished, progress, started
from tests.unit.window import Window


@pytest.fixture
def table() -> Table:
    return Table()


def test_what_runs_has_a_line_with_job_stage_progress_and_time_left(table: Table) -> None:
    table.plan(planned("river"))
    table.tell("river", started("06_asr"), progress(0, 100, "pages"))
    table.now = 10
    table.tell("river", progress(50, 100, "pages"))
    line = table.drawn()[0]
    assert line.split()[1:3] == ["river", "06_asr"]
    assert "50 %   50 of 100 pages   about 10 s left" in line


def test_hundreds_of_jobs_fit_the_terminal(table: Table) -> None:
    names = [f"film-{number:03}" for number in range(300)]
    table.plan(*map(planned, names))
    for name in names:
        table.tell(name, run(name))
    lines = table.drawn()
    assert len(lines) <= table.height - 2
    assert all(cells(line) <= table.width for line in lines)
    assert any("and" in line and "more run" in line for line in lines)
    assert "0 of 300 done · 300 running" in lines[-1]


def test_what_waits_is_grouped_by_what_it_waits_for(table: Table) -> None:
    names = ["a", "b", "c", "d", "e"]
    table.plan(*map(planned, names))
    for name in names:
        table.tell(name, StageWaiting(stage="06_asr", reason="06_asr may need 6 GB of memory"))
    busy = "waiting for process 7, which runs 01_demux"
    table.tell("a", StageWaiting(stage="01_demux", reason=busy, waits_for=WaitsFor.RUNNER))
    lines = table.drawn()
    assert lines[0].split("   ")[1:] == ["06_asr may need 6 GB of memory", "a, b, c and 2 more"]
    assert "1 waiting   for process 7" in lines[1]
    assert "5 waiting" in lines[2]


def test_what_no_longer_waits_is_not_said_to_wait(table: Table) -> None:
    table.plan(planned("a"))
    table.tell("a", StageWaiting(stage="01_demux", reason="memory"), run("a"))
    assert not any("waiting" in line for line in table.drawn())


def test_a_job_that_is_over_is_one_line_that_stays(table: Table) -> None:
    table.plan(planned("river"), planned("bad"), planned("old"), planned("stopped"))
    table.tell("river", run("river"), ended("river"), ended("river", "06_asr"))
    table.now = 72
    table.end("river", result=("/w/out/river/film.mkv",))
    table.tell("bad", run("bad"), failed(stage="01_demux", run_id="bad 01_demux"))
    table.end("bad", Verdict.OOM_MEMORY)
    table.tell("old", ended("old", verdict=Verdict.CACHED, duration_seconds=None))
    table.end("old")
    table.tell("stopped", ended("stopped", verdict=Verdict.CANCELLED, duration_seconds=None))
    table.end("stopped", Verdict.CANCELLED)
    assert "3 of 4 done" not in table.drawn()[-2]
    text = table.printed()
    assert "✓ river         1:12   → out/river/film.mkv" in text
    assert "✗ bad           0:00   01_demux   out of memory   The stage was killed" in text
    assert "old" not in text
    assert "stopped " not in text
    assert "2 of 4 done (1 up to date) · 1 failed · 1 stopped" in text


def test_those_that_failed_are_named_for_as_long_as_others_run(table: Table) -> None:
    table.plan(planned("a"), planned("b"))
    table.tell("a", failed(stage="06_asr"))
    table.end("a", Verdict.OOM_MEMORY)
    table.tell("b", run("b"))
    lines = table.drawn()
    assert "0 of 2 done · 1 failed · 1 running" in lines[-2]
    assert lines[-1] == "   failed: a/06_asr"


def test_the_time_left_is_learnt_from_films_that_are_done(table: Table) -> None:
    done = planned("done", 1000, took={"01_demux": 10.0, "06_asr": 100.0})
    table.plan(done, planned("next", 2000))
    table.tell("done", ended("done", verdict=Verdict.CACHED, duration_seconds=None))
    table.end("done")
    table.tell("next", run("next"))
    line, sums = table.drawn(5)[:2]
    assert "job 3:35 left" in line
    assert "about 3:35 left" in sums


def test_the_time_left_follows_the_length_of_the_media_once_a_stage_says_it(table: Table) -> None:
    done = planned("done", 1000, 60.0, took={"01_demux": 10.0, "06_asr": 100.0})
    table.plan(done, planned("next", 1000))
    table.tell("done", ended("done", verdict=Verdict.CACHED, duration_seconds=None))
    table.end("done")
    table.tell("next", started("01_demux"))
    assert "job 1:45 left" in table.drawn(5)[0]
    table.tell("next", progress(0, 120, "s"))
    assert "job 3:35 left" in table.drawn(5)[0]


def test_nothing_is_said_of_the_time_left_while_nobody_knows(table: Table) -> None:
    table.plan(planned("a"))
    table.tell("a", run("a"))
    assert "left" not in "".join(table.drawn(100))


def test_what_is_no_job_is_named_and_counted(table: Table) -> None:
    table.plan(planned("a"))
    table.console(JobRefused(job="/w/out/junk", reason="it has no job.yaml", exit_code=2))
    assert "0 of 2 done · 1 failed" in table.drawn()[-2]
    assert "✗ out/junk   refused   it has no job.yaml" in table.printed()


def test_a_film_that_was_refused_and_then_runs_is_counted_once_and_not_as_failed(
    table: Table,
) -> None:
    table.console(Watching(folder="films"))
    for name in ("river", "lake"):
        table.console(JobRefused(job=f"films/{name}.mkv", reason="may not be read", exit_code=2))
    table.console(JobTaken(job="films/river.mkv"))
    table.plan(planned("river"))
    table.tell("river", run("river"), ended("river"))
    table.end("river")
    assert table.drawn()[-2:] == ["   1 of 2 done · 1 failed", "   failed: lake.mkv"]
    assert table.printed().count("films/river.mkv") == 1


def test_jobs_of_one_name_are_told_apart(table: Table) -> None:
    one, other = planned("film"), PlannedJob(
        job="/w/more/film", stages=STAGES, input_bytes=1, took={}
    )  # fmt: skip
    table.plan(one, other)
    table.tell("film", run("film"))
    assert "out/film" in table.drawn()[0]


def test_the_table_is_there_before_the_first_film_arrives(table: Table) -> None:
    table.console(Watching(folder="/w/films"))
    table.plan(planned("a"))
    assert "1 to come" in table.drawn()[-1]
    assert "watching films" in table.printed()


def test_what_must_be_told_names_its_job(table: Table) -> None:
    table.plan(planned("river"))
    table.tell("river", Notice(stage="06_asr", message="no GPU was granted"))
    assert "river/06_asr: no GPU was granted" in table.printed()


def test_a_terminal_that_is_closed_does_not_keep_the_other_jobs_from_running(
    window: Window,
) -> None:
    stream = Stream(window.file)
    console = JobsConsole(stream, Manner(live=True))
    console(JobsPlanned(jobs=(planned("a"), planned("b"))))
    window.close()
    for name in ("a", "b"):
        tell = console.of_job(f"/w/out/{name}", name)
        tell(run(name))
        tell(ended(name))
        tell(JobFinished(job=f"/w/out/{name}", verdict=Verdict.SUCCESS, exit_code=0))
    assert stream.gone
    assert console.tally.done == 2
    console.close()


def test_what_redraws_the_table_outlives_its_terminal(window: Window) -> None:
    stream = Stream(window.file)
    console = JobsConsole(stream, Manner(live=True))
    console(JobsPlanned(jobs=(planned("a"),)))
    window.close()
    end = time.monotonic() + 10
    while not stream.gone and time.monotonic() < end:
        time.sleep(0.02)
    assert stream.gone
    console.close()


LOG = "/w/out/creek/logs/99_pipeline_20261129T101112Z_77.log"
OWN_FAULT = "stagerun itself failed: KeyError: 1. " + "The fault is in stagerun. " * 5
SUMMARY = JobsFinished(
    done=198,
    up_to_date=50,
    failed=(
        FailedJob(
            job="/w/out/river",
            stage="06_asr",
            verdict=Verdict.OOM_MEMORY,
            exit_code=7,
            reason="The stage was killed.",
            run_id="20261121-0914-7f3a",
        ),
        FailedJob(
            job="/w/out/junk", stage=None, verdict=None, exit_code=2, reason="it is no job.\nSee"
        ),
        FailedJob(
            job="/w/out/lake",
            stage="06_asr",
            verdict=Verdict.BUSY,
            exit_code=11,
            reason="process 7 runs it",
        ),
        FailedJob(
            job="/w/out/creek",
            stage="10_mux",
            verdict=Verdict.RUNNER_LOST,
            exit_code=10,
            reason=OWN_FAULT,
            log=LOG,
        ),
    ),
    cancelled=3,
    duration_seconds=4323.0,
    exit_code=7,
)


def test_the_end_says_what_failed_and_how_to_look_further(table: Table) -> None:
    table.console(SUMMARY)
    lines = table.printed().splitlines()
    assert lines[:-2] == [
        "198 done (50 up to date), 4 failed, 3 stopped in 1:12:03; "
        "the same call goes on with those that were stopped",
        " ✗ river/06_asr   out of memory   stagerun why 06_asr out/river",
        " ✗ junk           refused   it is no job. See",
        " ✗ lake/06_asr    busy   process 7 runs it",
    ]
    assert lines[-2].startswith(" ✗ creek/10_mux   runner lost   stagerun itself failed: KeyError")
    assert cells(lines[-2]) == table.width
    assert lines[-1] == f"   the place in the program: {LOG.removeprefix('/w/')}"


def test_a_pipe_gets_the_whole_reason_of_what_had_no_run() -> None:
    assert f"runner lost   {OWN_FAULT.strip()}\n" in Shown().after(SUMMARY)


def test_a_pipe_gets_the_same_end() -> None:
    assert "198 done (50 up to date), 4 failed, 3 stopped in 1:12:03" in Shown().after(SUMMARY)


def test_a_pipe_is_not_told_of_every_stage_that_was_stopped_with_hundreds_of_jobs() -> None:
    stopped = finished(verdict=Verdict.CANCELLED, run_id=None, duration_seconds=None)
    end = JobFinished(job="/w/out/a", verdict=Verdict.CANCELLED, exit_code=143)
    assert Shown().after(JobsPlanned(jobs=(planned("a"),)), stopped, end) == ""
    assert "cancelled" in Shown().after(stopped, end)


def test_a_film_that_is_being_copied_has_a_line(table: Table) -> None:
    table.console(Watching(folder="/w/films"))
    path = "/a/folder/with/a/name/that/is/long/river.mkv"
    table.console(Copying(path=path, done=10**9, total=4 * 10**9))
    assert "river.mkv   copying    25 %   1.0 GB of 4.0 GB" in table.drawn()[0]
    table.console(Copying(path=path, done=4 * 10**9, total=4 * 10**9))
    assert "copying" not in "".join(table.drawn())


def test_a_copy_that_was_broken_off_has_no_line_any_longer(table: Table) -> None:
    table.console(Watching(folder="/w/films"))
    table.console(Copying(path="/w/films/river.mkv", done=1, total=4))
    table.console(JobRefused(job="/w/films/river.mkv", reason="it went away", exit_code=2))
    assert "copying" not in "".join(table.drawn())


def test_every_job_counts_once_in_the_sums(table: Table) -> None:
    names = ["a", "b", "c", "d"]
    table.plan(*map(planned, names))
    table.tell("a", run("a"), StageWaiting(stage="06_asr", reason="memory"))
    table.tell("b", StageWaiting(stage="01_demux", reason="memory"))
    table.tell("c", run("c"), failed(stage="01_demux", run_id="c 01_demux"))
    assert table.drawn()[-1] == "   0 of 4 done · 1 running · 1 waiting · 2 to come"


def test_a_job_that_is_tried_again_is_the_same_job_in_the_sums(table: Table) -> None:
    table.plan(planned("a"), planned("b"))
    table.tell("a", failed(stage="01_demux"))
    table.end("a", Verdict.ENGINE_UNAVAILABLE)
    table.plan(planned("a"))
    table.tell("a", run("a"))
    assert table.drawn()[-1] == "   0 of 2 done · 1 running · 1 to come"


@pytest.mark.parametrize("verdict", [Verdict.SUCCESS, Verdict.CACHED, Verdict.CANCELLED])
def test_a_job_that_is_run_again_in_a_watched_folder_is_the_same_job_in_the_sums(
    table: Table, verdict: Verdict
) -> None:
    table.plan(planned("a"), planned("b"))
    ran = verdict is Verdict.SUCCESS
    end = ended("a") if ran else StageFinished(stage="01_demux", verdict=verdict, summary="so")
    for _ in range(2):
        table.tell("a", *([run("a")] if ran else []), end)
        table.end("a", verdict)
        table.plan(planned("a"))
    assert table.drawn()[-1].startswith("   0 of 2 done")
    table.tell("a", run("a"), ended("a"))
    table.end("a")
    assert table.drawn()[-1].startswith("   1 of 2 done")
    assert "stopped" not in table.drawn()[-1]


LONG = "a-film-with-a-name-as-long-as-any"


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_the_times_left_and_the_share_are_there_however_narrow_the_terminal(width: int) -> None:
    table, stage = Table(width=width), "04_source_separation"
    stages = (stage, "06_asr")
    done = planned("done", 1000, stages=stages, there=stages, took={stage: 60.0, "06_asr": 3600.0})
    table.plan(done, *(planned(f"{LONG}-{n}", 1000, stages=stages) for n in range(200)))
    table.console(JobRefused(job="/w/out/junk", reason="it has no job.yaml", exit_code=2))
    table.tell(f"{LONG}-1", started(stage, gpus=("GPU-1",)), progress(0, 1740, "s"))
    table.now = 100
    usage = Resources(stage=stage, run_id=RUN, memory_bytes=64_000_000, cpu_seconds=1)
    table.tell(f"{LONG}-1", progress(724, 1740, "s"), usage)
    line, sums, _ = table.drawn()
    assert " 41 %" in line
    assert line.endswith("job 1:02:21 left")
    assert "0 of 202 done · 1 failed" in sums
    assert "about 20" in sums
    assert sums.endswith(" left")


def test_results_that_are_in_place_take_no_time(table: Table) -> None:
    stages = (*STAGES, "10_mux")
    took = {"01_demux": 10.0, "06_asr": 3600.0}
    jobs = [planned(f"film{n}", 1000, stages=stages, there=STAGES, took=took) for n in range(100)]
    table.plan(*jobs)
    for name in ("film0", "film1"):
        for stage in STAGES:
            table.tell(name, ended(name, stage, verdict=Verdict.CACHED, duration_seconds=None))
        table.tell(name, run(name, "10_mux"))
    table.now = 10
    table.tell("film0", ended("film0", "10_mux", duration_seconds=10.0))
    table.end("film0")
    lines = table.drawn()
    assert lines[-1].endswith("about 8:10 left")


def test_a_result_that_does_not_hold_takes_its_time_in_every_job(table: Table) -> None:
    took = {"01_demux": 10.0, "06_asr": 100.0}
    table.plan(*(planned(f"film{n}", 1000, there=STAGES, took=took) for n in range(10)))
    cached = ended("film0", verdict=Verdict.CACHED, duration_seconds=None)
    table.tell("film0", cached, run("film0", "06_asr"))
    assert table.drawn()[-1].endswith("about 16:40 left")


def test_a_stage_that_is_skipped_everywhere_takes_no_time(table: Table) -> None:
    stages = ("02_tmdb", "06_asr")
    table.plan(*(planned(name, 1000, stages=stages) for name in ("first", "next")))
    skipped = ended("first", "02_tmdb", verdict=Verdict.SKIPPED, duration_seconds=None)
    done = ended("first", "06_asr", duration_seconds=100.0)
    table.tell("first", skipped, run("first", "06_asr"), done)
    table.end("first")
    table.tell("next", run("next", "06_asr"))
    assert "job 1:40 left" in table.drawn(0)[0]


def test_a_length_of_an_earlier_call_gives_way_to_one_that_is_said_now(table: Table) -> None:
    done = planned("done", 1000, 60.0, there=STAGES, took={"01_demux": 10.0, "06_asr": 100.0})
    table.plan(done, planned("replaced", 1000, 6000.0))
    table.tell("replaced", started("01_demux"), progress(0, 60, "s"))
    assert "job 1:50 left" in table.drawn(0)[0]
    table.tell("replaced", progress(0, 120, "s"), progress(0, 60, "s"))
    assert "job 3:40 left" in table.drawn(0)[0]
