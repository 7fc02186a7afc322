"""The table of ``docs/many-jobs.md``, drawn."""

import re

import pytest

from runner.errors import Verdict
from runner.events import (
    FailedJob,
    JobRefused,
    JobsFinished,
    PlannedJob,
    Progress,
    Resources,
    StageWaiting,
)
from tests.unit.docs_pages import page
from tests.unit.observers.many_jobs import Table, ended, planned, run

STAGES = ("01_demux", "06_asr", "08_translation", "10_mux")
TOOK = {"01_demux": 24.0, "06_asr": 3800.0, "08_translation": 480.0, "10_mux": 20.0}
REFUSED = "out/junk is no job directory: it has no job.yaml. Make one with: stagerun init out/junk"
KILLED = "The stage was killed at its limit of 2 GiB (peak 2.0 GiB). Raise it with --memory 4GiB."
JUNK = FailedJob(job="/w/out/junk", stage=None, verdict=None, exit_code=2, reason=REFUSED)
LAKE = FailedJob(
    job="/w/out/lake",
    stage="06_asr",
    verdict=Verdict.OOM_MEMORY,
    exit_code=7,
    reason=KILLED,
    run_id="20261121-0921-c01d",
)


def blocks() -> list[str]:
    """What stands in the page below its heading ``The table``."""
    section = page("docs/many-jobs.md").partition("## The table\n")[2].partition("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def film(name: str, minutes: int) -> PlannedJob:
    return planned(name, minutes * 10_000_000, stages=STAGES)


def progress(name: str, done: float) -> Progress:
    return Progress(stage="06_asr", run_id=f"{name} 06_asr", done=done, total=1740, unit="s")


def resources(name: str, stage: str, megabytes: int) -> Resources:
    size = megabytes * 10**6
    return Resources(stage=stage, run_id=f"{name} {stage}", memory_bytes=size, cpu_seconds=1)


def fill(table: Table) -> None:
    """200 words: 50 jobs that are up to date, 12 that were run, those in hand, and others."""
    old = [f"old{n}" for n in range(50)]
    run_now = ["river", *(f"new{n}" for n in range(11))]
    in_hand = ["lake", "canal", "creek", "pond", "ford"]
    table.plan(
        *(planned(name, 90 * 10**7, 5400, STAGES, STAGES, TOOK) for name in old),
        *(film(name, 90) for name in run_now),
        *(film(name, 29) for name in in_hand),
        *(film(f"f{n}", 45) for n in range(132)),
    )
    table.console(JobRefused(job="/w/out/junk", reason=REFUSED, exit_code=2))
    for name in old:
        stages = (ended(name, it, verdict=Verdict.CACHED, duration_seconds=None) for it in STAGES)
        table.tell(name, *stages)
        table.end(name)
    for name in run_now:
        table.tell(name, run(name))
    table.now = 4324
    for name in run_now:
        table.tell(name, *(ended(name, it, duration_seconds=TOOK[it]) for it in STAGES))
        table.end(name, result=(f"/w/out/{name}/10_mux/film.mkv",))


def fail_and_go_on(table: Table) -> None:
    table.now = 20_000
    table.tell("lake", run("lake", "06_asr"))
    table.now += 730
    end = ended(
        "lake", "06_asr", verdict=Verdict.OOM_MEMORY, summary=KILLED, duration_seconds=730.0
    )
    table.tell("lake", end)
    table.end("lake", Verdict.OOM_MEMORY)
    table.tell("canal", run("canal", "06_asr"), progress("canal", 0))
    table.now += 730
    table.tell("canal", progress("canal", 724), resources("canal", "06_asr", 1900))
    table.tell("creek", *(ended("creek", it, duration_seconds=9.0) for it in STAGES[:2]))
    table.now += 12
    table.tell("creek", run("creek", "08_translation"))
    table.tell("creek", resources("creek", "08_translation", 640))
    table.now += 12
    reason = "06_asr may need 6.0 GB of memory, and 2.1 GB are available"
    for name in ("pond", "ford"):
        table.tell(name, StageWaiting(stage="06_asr", reason=reason))


def full(width: int) -> Table:
    table = Table(width=width)
    fill(table)
    fail_and_go_on(table)
    return table


def test_the_table_of_the_page_is_what_is_drawn() -> None:
    table = full(100)
    drawn = table.drawn()
    above = [
        line
        for line in table.printed().splitlines()
        if re.match(r" [✓✗] (out/junk|river|lake) ", line)
    ]
    assert blocks()[0].splitlines() == [*above, *drawn]


@pytest.mark.parametrize("width", [60, 80])
def test_on_a_narrow_terminal_the_times_left_are_there(width: int) -> None:
    *running, _, sums, _ = full(width).drawn()
    assert [re.search(r"job [0-9:]+ left$", line) is not None for line in running] == [True, True]
    assert " 41 %" in running[0]
    assert re.fullmatch(r"   62 of 200 done .*· 2 failed · .*about [0-9:]+ left", sums)


def test_the_summary_of_the_page_is_what_is_printed() -> None:
    table = Table()
    table.console(
        JobsFinished(
            done=198,
            up_to_date=50,
            failed=(JUNK, LAKE),
            cancelled=0,
            duration_seconds=147_790.0,
            exit_code=2,
        )
    )
    assert table.printed() == blocks()[1]
