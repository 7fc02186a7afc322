"""``stagerun run out/*``: many jobs in one call."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from runner.cli.context import Context
from runner.cli.jobs import WantedJob, plan_jobs
from runner.cli.run import command
from runner.host.engine_fake import FakeProcess
from runner.job.folder import Job, open_job
from runner.job.lock import stage_lock
from runner.run.plan import Plan, plan_job
from tests.unit.cli.bench import LAST, NEXT, PROBE, Bench, copy_input, fail
from tests.unit.cli.test_watch import copy_film

JOBS = ("a", "b", "c", "d")


@pytest.fixture(autouse=True)
def in_the_project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.kit.root)
    for name in JOBS:
        bench.kit.job(name)


def events(bench: Bench, *words: str) -> list[dict[str, Any]]:
    said = bench.say(command, *words, "--json")
    return [json.loads(line) for line in said.text.splitlines()]


def places(*names: str) -> list[str]:
    return [f"out/{name}" for name in names]


def fail_in_b(process: FakeProcess) -> int:
    return fail(process) if process.path("/job").name == "b" else copy_input(process)


def test_many_jobs_end_with_a_summary(bench: Bench) -> None:
    bench.does(NEXT, fail_in_b)
    said = bench.say(command, *places(*JOBS))
    assert said.code == 1
    assert said.text.splitlines()[-2].startswith("3 done, 1 failed in 0:")
    assert said.text.splitlines()[-1] == f" ✗ b/{NEXT}   failed   stagerun why {NEXT} out/b"


def test_the_exit_code_is_0_only_when_all_jobs_are_good(bench: Bench) -> None:
    assert bench.say(command, *places(*JOBS)).code == 0
    said = bench.say(command, *places(*JOBS))
    assert said.code == 0
    assert said.text.splitlines()[-1].startswith("4 done (4 up to date) in 0:0")


def test_few_jobs_are_told_of_as_ever(bench: Bench) -> None:
    text = bench.say(command, *places("a", "b")).text
    assert "done" not in text
    assert "out/a/52_last/copy.txt" in text


@pytest.mark.parametrize("others", [("a",), JOBS])
def test_what_is_no_job_is_named_and_holds_up_none_of_the_others(
    bench: Bench, others: tuple[str, ...]
) -> None:
    (bench.kit.root / "out" / "junk").mkdir()
    (bench.kit.root / "out" / "broken").mkdir()
    (bench.kit.root / "out" / "broken" / "job.yaml").write_text("input: [")
    said = bench.say(command, *places("junk", "nothing", "broken", *others))
    assert said.code == 2
    assert "✗ out/junk   refused   out/junk is no job directory" in said.text
    assert "✗ out/nothing   refused" in said.text
    assert "✗ out/broken   refused" in said.text
    for name in others:
        assert (bench.kit.root / f"out/{name}/52_last/copy.txt").exists()


@pytest.mark.parametrize("others", [("a",), JOBS])
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_word_that_cannot_be_looked_at_holds_up_none_of_the_others(
    bench: Bench, others: tuple[str, ...], more: tuple[str, ...]
) -> None:
    said = bench.say(command, "x" * 300, *places(*others), *more)
    assert said.code == 2
    assert f"✗ {'x' * 300}   refused" in said.text
    assert "File name too long" in said.text
    for name in others:
        assert (bench.kit.root / f"out/{name}/52_last/copy.txt").exists() == (not more)


def test_a_film_whose_job_cannot_be_looked_for_holds_up_none_of_the_others(bench: Bench) -> None:
    film = Path("film.mkv")
    film.write_text("moving")
    closed = WantedJob(place=Path("out") / ("x" * 300), film=film)
    assert not closed.is_new
    wanted = [closed, WantedJob(place=Path("out/a"))]
    jobs = plan_jobs(
        Context(project_folder=bench.kit.root),
        wanted,
        lambda job: plan_job(bench.project, job),
        alone=False,
    )
    assert [plan.job.name for plan in jobs.plans] == ["a"]
    (refusal,) = jobs.refused
    assert "File name too long" in refusal.reason


@pytest.mark.parametrize("others", [(), ("lake.mkv", "sea.mkv")])
def test_a_refused_film_is_not_hidden_by_the_job_of_another_film_of_its_name(
    bench: Bench, others: tuple[str, ...]
) -> None:
    bench.does(PROBE, copy_film)
    films = ("river.avi", "river.mkv", *others)
    for film in films:
        Path(film).write_text(film)
    said = bench.say(command, *films)
    assert said.code == 2
    assert "✗ river.mkv   refused   the job out/river is there already" in said.text
    assert ("3 done, 1 failed" in said.text) == bool(others)
    assert Path("out/river/52_last/copy.txt").read_text() == "river.avi"


def test_a_job_that_a_later_word_makes_is_not_refused_under_its_own_name(bench: Bench) -> None:
    bench.does(PROBE, copy_film)
    for film in ("river.avi", "lake.mkv", "sea.mkv"):
        Path(film).write_text(film)
    said = bench.say(command, "out/river", "river.avi", "lake.mkv", "sea.mkv")
    assert "refused" not in said.text
    assert (said.code, "3 done in" in said.text) == (0, True)


def test_a_job_with_settings_that_nobody_declares_is_refused_alone(bench: Bench) -> None:
    (bench.kit.root / "out/b/job.yaml").write_text("input: {text: text.txt}\nconfig: {NONE: x}\n")
    said = bench.say(command, *places("a", "b"))
    assert said.code == 2
    assert "✗ out/b   refused" in said.text
    assert (bench.kit.root / "out/a/52_last/copy.txt").exists()


def test_a_job_whose_film_leads_round_in_circles_fails_alone(bench: Bench, tmp_path: Path) -> None:
    (circle := tmp_path / "circle").symlink_to("circle")
    with Path("out/b/job.yaml").open("a") as file:
        file.write(f"references: {{text: {circle}}}\n")
    said = bench.say(command, *places(*JOBS))
    assert said.code == 4
    assert "3 done, 1 failed" in said.text
    assert "circle is a symbolic link that leads to no file" in said.text


def test_a_job_whose_times_make_no_sense_is_run_with_the_others(bench: Bench) -> None:
    assert bench.say(command, *places("a")).code == 0
    file = bench.kit.root / "out/a/manifest.json"
    manifest = json.loads(file.read_text())
    manifest["stages"][PROBE] |= {"duration_seconds": "soon", "media_seconds": "long"}
    file.write_text(json.dumps(manifest))
    assert bench.say(command, *places(*JOBS)).code == 0


def test_a_fault_nobody_foresaw_refuses_one_job_and_not_the_call(bench: Bench) -> None:
    def planned(job: Job) -> Plan:
        if job.name == "b":
            msg = "of our own"
            raise KeyError(msg)
        return plan_job(bench.project, job)

    context = Context(project_folder=bench.kit.root)
    wanted = [WantedJob(place=Path(place)) for place in places("a", "b")]
    jobs = plan_jobs(context, wanted, planned, alone=False)
    assert [plan.job.name for plan in jobs.plans] == ["a"]
    (refusal,) = jobs.refused
    assert refusal.exit_code == 10
    assert refusal.reason.startswith("stagerun itself failed: KeyError: 'of our own' (test_many")


@pytest.mark.parametrize("words", [("--set", "NONE=x"), ("--upto", "none"), ("--from", "none")])
def test_what_is_wrong_with_the_call_is_said_once(bench: Bench, words: tuple[str, str]) -> None:
    said = bench.say(command, *places(*JOBS), *words)
    assert said.code == 2
    assert "refused" not in said.text
    assert not bench.engine.created


def test_programs_hear_of_all_jobs_before_and_after(bench: Bench) -> None:
    bench.does(NEXT, fail_in_b)
    (bench.kit.root / "out" / "junk").mkdir()
    heard = events(bench, *places(*JOBS, "junk"))
    counts = Counter(event["type"] for event in heard)
    assert (counts["jobs_planned"], counts["job_finished"], counts["job_refused"]) == (1, 4, 1)
    planned = heard[0]
    assert planned["jobs"][0]["stages"] == [PROBE, NEXT, LAST]
    assert planned["jobs"][0]["input_bytes"] == len("hello\n")
    last = heard[-1]
    assert (last["type"], last["done"], last["exit_code"]) == ("jobs_finished", 3, 1)
    assert {item["job"].rpartition("/")[2] for item in last["failed"]} == {"junk", "b"}


@pytest.mark.parametrize(("words", "there"), [((), [PROBE, NEXT, LAST]), (("--force",), [])])
def test_programs_hear_which_results_are_in_place(
    bench: Bench, words: tuple[str, ...], there: list[str]
) -> None:
    bench.say(command, *places(*JOBS))
    assert [job["there"] for job in events(bench, *places(*JOBS), *words)[0]["jobs"]] == [there] * 4


def test_the_summary_has_the_reason_of_a_job_that_had_no_run(bench: Bench) -> None:
    with stage_lock(open_job(Path("out/b")), PROBE):
        text = bench.say(command, *places(*JOBS), "--wait", "0").text
    last = text.splitlines()[-1]
    assert last.startswith(f" ✗ b/{PROBE}   busy   {PROBE} of out/b is being run by process")
    assert last.endswith(f"stagerun logs -f {PROBE} out/b")


def test_quiet_says_what_was_refused_and_where_results_are(bench: Bench) -> None:
    (bench.kit.root / "out" / "junk").mkdir()
    text = bench.say(command, *places(*JOBS, "junk"), "-q").text
    assert sorted(text.splitlines())[1:] == [f"out/{name}/52_last/copy.txt" for name in JOBS]
    assert min(text.splitlines()).startswith(" ✗ out/junk   refused")


def test_no_descriptor_stays_open_for_a_job_that_waits(bench: Bench) -> None:
    most: dict[str, int] = {}

    def count(process: FakeProcess) -> int:
        name = process.path("/job").name
        most["all"] = max(most.get("all", 0), len(list(Path("/proc/self/fd").iterdir())))
        return fail(process) if name.endswith("7") else copy_input(process)

    bench.does(LAST, count)
    assert bench.say(command, *places(*JOBS), "--jobs", "2").code == 0
    few = most.pop("all")
    names = [f"job{number:02}" for number in range(30)]
    for name in names:
        bench.kit.job(name)
    bench.say(command, *places(*names), "--jobs", "2")
    assert most["all"] <= few + 4


def test_a_job_goes_on_in_one_log_that_was_closed_in_between(bench: Bench) -> None:
    bench.say(command, *places(*JOBS), "--jobs", "1")
    (log,) = Path("out/a/logs").iterdir()
    text = log.read_text()
    assert text.count("success, after") == 3
    assert text.splitlines()[-1].endswith(
        "ended: success: " + str(Path("out/a/52_last/copy.txt").absolute())
    )


def test_a_dry_run_of_many_names_what_is_no_job_beside_what_would_run(bench: Bench) -> None:
    (bench.kit.root / "out" / "junk").mkdir()
    said = bench.say(command, *places("junk", "a", "b"), "--dry-run")
    assert said.code == 2
    assert "✗ out/junk   refused" in said.text
    assert said.text.count("→") == 6
    document = bench.say(command, *places("junk", "a"), "--dry-run", "--json").document
    assert [item["exit_code"] for item in document["refused"]] == [2]
