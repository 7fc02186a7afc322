"""Many jobs on a terminal: one table that can be read, and a line for each that is over."""

import re
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import pytest
from rich.console import Console as RichConsole

from runner.errors import Verdict
from runner.events import (
    Event,
    FailedJob,
    JobFinished,
    JobRefused,
    JobsFinished,
    JobsPlanned,
    Notice,
    PlannedJob,
    StageWaiting,
    WaitsFor,
    Watching,
)
from runner.observers.console import Manner
from runner.observers.jobs_console import JobsConsole
from runner.observers.plain import cells
from runner.observers.stream import Stream
from tests.unit.observers.recorded import Shown, failed, finished, progress, started

STAGES = ("01_demux", "06_asr")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def planned(name: str, size: int = 1000, media: float | None = None, **took: float) -> PlannedJob:
    return PlannedJob(
        job=f"/w/out/{name}",
        stages=STAGES,
        input_bytes=size,
        took={f"0{stage[1:]}": seconds for stage, seconds in took.items()},
        media_seconds=media,
    )


@dataclass
class Table:
    """A table on a recorded terminal, with a clock set by hand."""

    width: int = 100
    height: int = 24
    now: float = 0.0
    out: StringIO = field(default_factory=StringIO)

    def __post_init__(self) -> None:
        manner = Manner(width=lambda: self.width, shorten=lambda text: text.replace("/w/", ""))
        self.console = JobsConsole(
            Stream(self.out), manner, clock=lambda: self.now, automatic=False
        )

    def plan(self, *jobs: PlannedJob) -> None:
        self.console(JobsPlanned(jobs=jobs))

    def tell(self, name: str, *events: Event) -> None:
        for event in events:
            self.console.of_job(f"/w/out/{name}", name)(event)

    def end(self, name: str, verdict: Verdict | None = Verdict.SUCCESS, **more: Any) -> None:
        self.tell(name, JobFinished(job=f"/w/out/{name}", verdict=verdict, exit_code=0, **more))

    def drawn(self, now: float | None = None) -> list[str]:
        """The lines at the bottom of the terminal."""
        self.now = self.now if now is None else now
        console = RichConsole(
            file=StringIO(), width=self.width, height=self.height, record=True, emoji=False
        )
        console.print(self.console.region, end="")
        return console.export_text().splitlines()

    def printed(self) -> str:
        """What was written on the terminal, without what steers it."""
        self.console.close()
        return ESCAPE.sub("", self.out.getvalue())


@pytest.fixture
def table() -> Table:
    return Table()


def run(name: str, stage: str = "01_demux") -> Event:
    return started(stage, run_id=f"{name} {stage}")


def ended(name: str, stage: str = "01_demux", **more: Any) -> Event:
    return finished(stage=stage, run_id=f"{name} {stage}", **more)


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
    assert "6 waiting" in lines[2]


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
    assert "stopped" not in text
    assert "2 of 4 done (1 up to date)" in text


def test_those_that_failed_are_named_for_as_long_as_others_run(table: Table) -> None:
    table.plan(planned("a"), planned("b"))
    table.tell("a", failed(stage="06_asr"))
    table.end("a", Verdict.OOM_MEMORY)
    table.tell("b", run("b"))
    lines = table.drawn()
    assert "0 of 2 done · 1 failed · 1 running" in lines[-2]
    assert lines[-1] == "   failed: a/06_asr"


def test_the_time_left_is_learnt_from_films_that_are_done(table: Table) -> None:
    done = planned("done", 1000, **{"01_demux": 10.0, "06_asr": 100.0})
    table.plan(done, planned("next", 2000))
    table.tell("done", ended("done", verdict=Verdict.CACHED, duration_seconds=None))
    table.end("done")
    table.tell("next", run("next"))
    line, sums = table.drawn(5)[:2]
    assert "job 3:35 left" in line
    assert "about 3:35 left" in sums


def test_the_time_left_follows_the_length_of_the_media_once_a_stage_says_it(table: Table) -> None:
    done = planned("done", 1000, 60.0, **{"01_demux": 10.0, "06_asr": 100.0})
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
        ),
        FailedJob(
            job="/w/out/junk", stage=None, verdict=None, exit_code=2, reason="it is no job.\nSee"
        ),
    ),
    cancelled=3,
    duration_seconds=4323.0,
    exit_code=7,
)


def test_the_end_says_what_failed_and_how_to_look_further(table: Table) -> None:
    table.console(SUMMARY)
    assert table.printed().splitlines() == [
        "198 done (50 up to date), 2 failed, 3 stopped in 1:12:03; "
        "the same call goes on with those that were stopped",
        " ✗ river/06_asr   out of memory   stagerun why 06_asr out/river",
        " ✗ junk           refused   it is no job.",
    ]


def test_a_pipe_gets_the_same_end() -> None:
    assert "198 done (50 up to date), 2 failed, 3 stopped in 1:12:03" in Shown().after(SUMMARY)


def test_a_pipe_is_not_told_of_every_stage_that_was_stopped_with_hundreds_of_jobs() -> None:
    stopped = finished(verdict=Verdict.CANCELLED, run_id=None, duration_seconds=None)
    end = JobFinished(job="/w/out/a", verdict=Verdict.CANCELLED, exit_code=143)
    assert Shown().after(JobsPlanned(jobs=(planned("a"),)), stopped, end) == ""
    assert "cancelled" in Shown().after(stopped, end)
