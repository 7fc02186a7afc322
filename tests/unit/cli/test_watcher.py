"""What a call that watches a folder makes of trouble, of films that change, and of named jobs."""

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest

from runner.cli.context import Context
from runner.cli.jobs import PlannedJobs
from runner.cli.many_jobs import Crew, run_jobs
from runner.cli.stopping import Running
from runner.cli.watching import Watcher
from runner.errors import DiskFullError, JobAccessError, Verdict
from runner.job.folder import Job, open_job
from runner.run.outcome import Outcome
from runner.run.plan import Plan, plan_job
from runner.run.reckoning import Reckoning
from runner.run.request import RunOptions
from runner.run.scheduler import Schedule
from runner.run.standing import JobOutcome
from runner.run.watching import WatchedFolder
from tests.unit.cli.bench import LAST, PROBE, Bench
from tests.unit.cli.test_watch import exit_code, fail_for_bad_films

ELSEWHERE = Path("/dev/shm")
"""Another file system, from which films are copied."""
FILM = Path("films/river.mkv")


@pytest.fixture(autouse=True)
def in_the_project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.kit.root)
    (bench.kit.root / "films").mkdir()
    bench.does(PROBE, fail_for_bad_films)


@pytest.fixture
def far_film() -> Iterator[Path]:
    """A film on another file system, so that it has to be copied."""
    if not ELSEWHERE.is_dir() or ELSEWHERE.stat().st_dev == FILM.parent.stat().st_dev:
        pytest.skip("there is no other file system here")
    folder = Path(tempfile.mkdtemp(dir=ELSEWHERE))
    film = folder / "river.mkv"
    film.write_text("moving")
    FILM.symlink_to(film)
    yield film
    shutil.rmtree(folder)


@dataclass
class Watch:
    """A call that watches, for which a minute is 60 ms; ``before`` is called for each plan.

    ``writers`` says who writes to which files.
    """

    bench: Bench
    before: Callable[[Job], None] = lambda _: None
    writers: Callable[[Collection[Path]], set[Path]] = lambda _: set()
    tried: list[str] = field(default_factory=list)
    named: tuple[Path, ...] = ()

    def plan(self, job: Job) -> Plan:
        self.tried.append(job.name)
        self.before(job)
        return plan_job(self.bench.project, job)

    @property
    def watcher(self) -> Watcher:
        folder = WatchedFolder(Path("films"), 0.0, self.writers, lambda: time.monotonic() * 1000)
        return Watcher(folder, self.plan)

    def run(self, until: Callable[[], bool]) -> None:
        """Watch until something is so, and stop the call."""
        context = Context(project_folder=self.bench.kit.root, json=True)
        context.host = self.bench.host

        def stop() -> None:
            end = time.monotonic() + 20
            while time.monotonic() < end and not is_so(until):
                time.sleep(0.02)
            context.host.cancellation.request("SIGINT")

        thread = threading.Thread(target=stop)
        thread.start()
        jobs = PlannedJobs(
            plans=tuple(plan_job(self.bench.project, open_job(place)) for place in self.named)
        )
        project, options = self.bench.project, RunOptions(wait_seconds=0)
        try:
            run_jobs(context, project, jobs, options, many=True, watcher=self.watcher)
        finally:
            thread.join()


def is_so(until: Callable[[], bool]) -> bool:
    try:
        return until()
    except (OSError, ValueError, KeyError):  # what is being written is looked at again
        return False


@pytest.fixture
def heard(capsys: pytest.CaptureFixture[str]) -> Callable[[str], list[dict[str, Any]]]:
    """All events of a type that were told since the last time."""

    def events(kind: str) -> list[dict[str, Any]]:
        lines = map(json.loads, capsys.readouterr().out.splitlines())
        return [event for event in lines if kind in ("", event["type"])]

    return events


Heard = Callable[[str], list[dict[str, Any]]]


def of_type(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


@pytest.mark.parametrize(
    "problem",
    [
        OSError(ENOSPC, "No space left on device"),
        DiskFullError("the disk is full"),
        JobAccessError("you may not write to the job directory"),
    ],
)
def test_no_film_is_lost_to_what_the_system_refuses_for_a_while(
    bench: Bench, heard: Heard, problem: Exception
) -> None:
    def refuse_twice(_: Job) -> None:
        if len(watch.tried) <= 2:
            raise problem

    FILM.write_text("moving")
    watch = Watch(bench, refuse_twice)
    watch.run(lambda: exit_code("river") == 0)
    events = heard("")
    (notice,) = of_type(events, "notice")
    assert notice["message"].startswith("films/river.mkv is not taken at present: ")
    assert len(watch.tried) == 3
    assert of_type(events, "job_refused") == []
    assert (events[-1]["done"], events[-1]["failed"]) == (1, [])


def test_a_fault_of_our_own_ends_one_film_and_not_the_watching(bench: Bench, heard: Heard) -> None:
    def stumble(job: Job) -> None:
        if job.name == "lake":
            msg = "of our own"
            raise KeyError(msg)

    FILM.write_text("moving")
    Path("films/lake.mkv").write_text("still")
    watch = Watch(bench, stumble)
    watch.run(lambda: exit_code("river") == 0 and "lake" in watch.tried)
    (refusal,) = heard("job_refused")
    assert refusal["reason"].startswith("stagerun itself failed: KeyError: 'of our own'")
    assert exit_code("lake") is None
    assert watch.tried.count("lake") == 1
    again = Watch(bench)
    again.run(lambda: exit_code("lake") == 0)
    assert again.tried == ["lake"]


def test_observers_hear_that_a_film_which_was_refused_is_a_job_after_all(
    bench: Bench, heard: Heard
) -> None:
    said: list[dict[str, Any]] = []

    def refuse_once(_: Job) -> None:
        if watch.tried.count("river") == 1:
            msg = "of our own"
            raise KeyError(msg)

    def mend_the_refused() -> bool:
        said.extend(heard(""))
        if of_type(said, "job_refused") and FILM.read_text() == "bent":
            FILM.write_text("moving")
        return exit_code("river") == 0

    FILM.write_text("bent")
    watch = Watch(bench, refuse_once)
    watch.run(mend_the_refused)
    said.extend(heard(""))
    kinds = ("job_refused", "job_taken", "jobs_planned", "job_finished")
    told = [event for event in said if event["type"] in kinds and event.get("jobs") != []]
    assert [event["type"] for event in told] == list(kinds)
    assert told[1]["job"] == told[0]["job"] == str(FILM.absolute())
    assert (said[-1]["done"], said[-1]["failed"]) == (1, [])


def test_a_fault_of_our_own_while_a_film_runs_is_tried_again_by_the_next_call(
    bench: Bench, heard: Heard
) -> None:
    FILM.write_text("moving")
    bench.engine.start_error = KeyError("of our own")  # type: ignore[assignment]  # no refusal
    said: list[dict[str, Any]] = []

    def has_ended() -> bool:
        said.extend(heard(""))
        return bool(of_type(said, "job_finished"))

    watch = Watch(bench)
    watch.run(has_ended)
    assert of_type(said, "job_finished")[0]["verdict"] == Verdict.RUNNER_LOST
    assert exit_code("river") is None
    bench.engine.start_error = None
    Watch(bench).run(lambda: exit_code("river") == 0)
    assert Path(f"out/river/{LAST}/copy.txt").read_text() == "moving"


def test_a_watching_that_ends_is_told_at_once_and_ends_the_call(bench: Bench, heard: Heard) -> None:
    broken: list[bool] = []

    def break_down(_: Collection[Path]) -> set[Path]:
        broken.append(True)
        msg = "out of order"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="out of order"):
        Watch(bench, writers=break_down).run(lambda: bool(broken))
    assert heard("notice")[0]["message"].startswith("nothing is watched any more")


def test_a_film_that_somebody_begins_to_write_to_is_not_taken(bench: Bench) -> None:
    """Between the look at all films and its own turn minutes may go by."""
    asked: list[int] = []

    def writers(paths: Collection[Path]) -> set[Path]:
        asked.append(len(paths))
        assert len(asked) > 3 or not Path("out/river").exists()
        return set(paths) if len(asked) == 2 else set()

    FILM.write_text("moving")
    watch = Watch(bench, writers=writers)
    watch.run(lambda: exit_code("river") == 0)
    assert watch.tried == ["river"]


def test_a_film_that_changes_while_it_is_copied_is_copied_anew(
    bench: Bench, heard: Heard, far_film: Path
) -> None:
    changed: list[bool] = []

    def writers(paths: Collection[Path]) -> set[Path]:
        # The second question comes right before the copy, after the film was found unchanged.
        changed.append(bool(paths))
        if changed.count(True) == 2:
            far_film.write_text("moving and whole")
        return set()

    Watch(bench, writers=writers).run(lambda: exit_code("river") == 0)
    assert Path(f"out/river/{LAST}/copy.txt").read_text() == "moving and whole"
    (notice,) = heard("notice")
    assert "changed while it was copied" in notice["message"]


@pytest.mark.usefixtures("far_film")
def test_the_copying_of_a_film_is_told(bench: Bench, heard: Heard) -> None:
    Watch(bench).run(lambda: exit_code("river") == 0)
    copies = heard("copying")
    assert {Path(event["path"]).name for event in copies} == {"river.mkv"}
    assert copies[-1]["done"] == copies[-1]["total"] == len("moving")


def test_an_engine_that_stays_away_is_told_of_once(bench: Bench, heard: Heard) -> None:
    FILM.write_text("moving")
    bench.engine.lost = True
    watch = Watch(bench)

    def come_back() -> bool:
        bench.engine.lost = len(watch.tried) < 4
        return exit_code("river") == 0

    watch.run(come_back)
    events = heard("")
    ends = [event["verdict"] for event in of_type(events, "job_finished")]
    assert ends == [Verdict.ENGINE_UNAVAILABLE, Verdict.SUCCESS]
    assert len(of_type(events, "stage_finished")) == 3 + 3
    assert len(of_type(events, "jobs_planned")) == 3
    (notice,) = of_type(events, "notice")
    assert notice["message"].endswith("out/river is tried again by itself, in 60 s at first.")
    assert (events[-1]["done"], events[-1]["failed"]) == (1, [])


@pytest.mark.usefixtures("heard")
def test_a_job_that_the_call_names_is_not_run_twice(bench: Bench) -> None:
    place = bench.kit.job("ready").rename("films/ready")
    note = place / ".stagerun/watch.json"
    watch = Watch(bench, named=(Path("films/ready"),))
    watch.run(lambda: json.loads(note.read_text())["exit_code"] == 0)
    assert watch.tried == []
    assert len(bench.engine.created) == 3


@pytest.mark.usefixtures("heard")
def test_a_named_job_that_changes_after_its_run_is_run_again(bench: Bench) -> None:
    place = bench.kit.job("ready").rename("films/ready")
    result = Path(f"films/ready/{LAST}/copy.txt")

    def change_once() -> bool:
        if result.read_text() == "hello\n" and (place / "input/text.txt").read_text() == "hello\n":
            (place / "input/text.txt").write_text("changed\n")
        return result.read_text() == "changed\n"

    watch = Watch(bench, named=(Path("films/ready"),))
    watch.run(change_once)
    assert result.read_text() == "changed\n"


def test_a_film_that_another_machine_has_is_named_once(bench: Bench, heard: Heard) -> None:
    FILM.write_text("moving")
    Watch(bench).run(lambda: exit_code("river") == 0)
    path = Path("out/river/.stagerun/watch.json")
    note = json.loads(path.read_text())
    note["runner"]["machine_id"] = "0123456789abcdef"
    path.write_text(json.dumps({**note, "exit_code": None}))
    heard("")
    began = time.monotonic()
    Watch(bench).run(lambda: time.monotonic() - began > 2.5)
    (notice,) = heard("notice")
    for word in ("out/river", "another machine (0123456789ab)", f"remove {path.absolute()}"):
        assert word in notice["message"]
    assert exit_code("river") is None


@pytest.mark.parametrize(
    ("verdict", "noted"),
    [
        (Verdict.STAGE_FAILED, 1),
        (Verdict.SUCCESS, 0),
        (Verdict.CANCELLED, None),
        (Verdict.RUNNER_LOST, None),
        (Verdict.ENGINE_UNAVAILABLE, None),
    ],
)
def test_an_end_that_says_something_of_the_film_is_noted_for_the_next_call(
    bench: Bench, heard: Heard, verdict: Verdict, noted: int | None
) -> None:
    FILM.write_text("moving")
    context = Context(project_folder=bench.kit.root, json=True)
    context.host = bench.host
    watcher = Watch(bench).watcher
    with context.observing(many=True) as tell:
        crew = Crew(context, tell, True, Running(), Reckoning(), force=False)
        schedule = Schedule(bench.project, context.host, RunOptions(), 1, tell, watcher.ended)
        with watcher.feeding(schedule, crew, ()):
            while not Path("out/river/.stagerun/watch.json").exists() or not heard("jobs_planned"):
                time.sleep(0.02)
            code = {Verdict.SUCCESS: 0, Verdict.STAGE_FAILED: 1}.get(verdict, 130)
            outcome = Outcome(stage=PROBE, verdict=verdict, exit_code=code, reason="so it is")
            job = open_job(Path("out/river"))
            watcher.ended(JobOutcome(job=job, outcomes=(outcome,), result=()))
    assert exit_code("river") == noted


def test_a_job_whose_files_the_system_refuses_for_a_while_is_tried_again(bench: Bench) -> None:
    FILM.write_text("moving")
    bench.engine.start_error = JobAccessError("out/river/logs cannot be opened")
    watch = Watch(bench)

    def is_tried_again() -> bool:
        if len(watch.tried) > 1:
            bench.engine.start_error = None
        return exit_code("river") == 0

    watch.run(is_tried_again)
    assert exit_code("river") == 0
