"""``stagerun status`` of several jobs."""

import json
from pathlib import Path

import pytest

from runner.cli.status import command
from runner.host.machine import ProcessIdentity
from runner.job.folder import Job, open_job
from runner.job.lock import stage_lock
from runner.run.request import RunOptions
from runner.run.scheduler import execute
from tests.unit.cli.bench import LAST, NEXT, PROBE, Bench, copy_input, fail
from tests.unit.cli.test_status import begin_run


def other(bench: Bench, name: str = "other") -> Job:
    """One more job, of which nothing has run."""
    return open_job(bench.kit.job(name))


def run(bench: Bench, job: Job, stage_id: str = PROBE) -> None:
    execute(stage_id, bench.project, job, bench.host, RunOptions(), bench.events.append)


def rows(bench: Bench, *jobs: Job | Path) -> list[list[str]]:
    """The words of the lines, but for the header and the sums."""
    roots = [job.root if isinstance(job, Job) else job for job in jobs]
    return [line.split()[1:] for line in bench.say(command, *roots).text.splitlines()[1:-1]]


def test_each_job_is_a_line_with_the_stage_that_matters_now(bench: Bench) -> None:
    failed, begun = other(bench, "failed"), other(bench, "begun")
    bench.run_all()
    run(bench, begun)
    bench.does(PROBE, fail)
    run(bench, failed)

    done, *rest = rows(bench, bench.job, failed, begun)

    assert done == ["done", "3", "of", "3"]
    assert rest[0][:5] == ["failed", "0", "of", "3", PROBE]
    assert rest[0][-3:] == ["the", "stage", "failed"]
    assert rest[1] == ["to", "do", "1", "of", "3", NEXT]


def test_the_columns_are_as_wide_as_what_is_shown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bench.kit.root)

    said = bench.say(command, bench.job.root, other(bench).root)

    assert [line[:18] for line in said.text.splitlines()[:3]] == [
        "job        state  ",
        "out/job    to do  ",
        "out/other  to do  ",
    ]


def test_the_sums_count_each_job_once(bench: Bench) -> None:
    failed, fresh = other(bench, "failed"), other(bench, "fresh")
    bench.run_all()
    bench.does(PROBE, fail)
    run(bench, failed)

    said = bench.say(command, bench.job.root, failed.root, fresh.root)

    assert said.text.splitlines()[-1] == "1 of 3 done · 1 failed · 1 to do"
    assert said.code == 0


def test_a_job_that_runs_again_after_a_failure_is_running(bench: Bench) -> None:
    bench.does(PROBE, fail)
    bench.run()
    begin_run(bench.job, PROBE, ProcessIdentity.current())
    with stage_lock(bench.job, PROBE):
        running, _ = rows(bench, bench.job, other(bench))

    assert running[:5] == ["running", "0", "of", "3", PROBE]


def test_a_dead_runner_in_one_of_many_jobs_makes_the_exit_code_10(bench: Bench) -> None:
    here = ProcessIdentity.current()
    begin_run(bench.job, PROBE, ProcessIdentity(1 << 22, 1, here.boot_id, here.machine_id))

    said = bench.say(command, other(bench).root, bench.job.root, "nowhere")

    assert said.code == 10
    assert "1 runner lost" in said.text


def test_a_dead_runner_is_seen_while_another_stage_of_the_job_runs(bench: Bench) -> None:
    here = ProcessIdentity.current()
    begin_run(bench.job, PROBE, ProcessIdentity(1 << 22, 1, here.boot_id, here.machine_id))
    begin_run(bench.job, NEXT, here, "20260101-2")
    with stage_lock(bench.job, NEXT):
        said = bench.say(command, bench.job.root, other(bench).root)

    assert said.code == 10
    assert "runner lost" in said.text.splitlines()[1]


@pytest.mark.parametrize("time", ["soon", "2026-01-01T00:00:00", 7])
def test_a_job_that_nobody_foresaw_hides_none_of_the_others(bench: Bench, time: object) -> None:
    begin_run(bench.job, PROBE, ProcessIdentity.current())
    (journal,) = bench.job.private.glob("runs/*/journal.jsonl")
    first, *rest = journal.read_text().splitlines()
    first = json.dumps({**json.loads(first), "time": time})
    journal.write_text("\n".join([first, *rest]) + "\n")
    with stage_lock(bench.job, PROBE):
        odd, fresh = rows(bench, bench.job, other(bench))

    assert odd[0] == "refused"
    assert fresh[:2] == ["to", "do"]


def test_a_job_that_is_named_twice_counts_once_and_in_its_place(bench: Bench) -> None:
    second = other(bench).root

    said = bench.say(command, bench.job.root, second, bench.job.root / ".." / bench.job.name)

    names = [line.split()[0] for line in said.text.splitlines()[1:-1]]
    assert names == [str(bench.job.root), str(second)]
    assert said.text.splitlines()[-1].startswith("0 of 2 done")


def test_a_project_that_cannot_be_used_is_told_once_and_of_no_job(bench: Bench) -> None:
    bench.kit.settings("limits: 7\n")

    said = bench.say(command, bench.job.root, other(bench).root)

    assert said.code == 2
    assert said.text.count("stagerun.yaml") == 1
    assert "refused" not in said.text


def test_a_word_that_is_no_job_hides_none_of_the_others(bench: Bench, tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.mkdir()

    said = bench.say(command, junk, bench.job.root)

    assert said.text.splitlines()[1].split()[1] == "refused"
    assert "has no job.yaml" in said.text
    assert said.text.splitlines()[-1] == "0 of 2 done · 1 to do · 1 refused"
    assert said.code == 2


def test_what_is_left_of_a_stage_that_the_workflow_does_not_need_spoils_no_job(
    bench: Bench,
) -> None:
    bench.run_all()
    bench.does(LAST, fail)
    bench.run(LAST, force=True)
    with bench.job.file.open("a") as file:
        file.write("workflow: first\n")

    assert rows(bench, bench.job, other(bench))[0] == ["done", "1", "of", "1"]


def test_a_stage_that_is_switched_off_is_done_and_who_needs_it_is_named(bench: Bench) -> None:
    off = other(bench, "off")
    with off.file.open("a") as file:
        file.write("stages: {50_probe: {enabled: false}}\n")

    assert rows(bench, off, bench.job)[0] == ["to", "do", "1", "of", "3", NEXT, "needs", PROBE]


def test_programs_get_the_state_of_each_job_with_its_stage(bench: Bench) -> None:
    bench.does(PROBE, fail)
    bench.run()
    bench.does(PROBE, copy_input)

    document = bench.say(command, bench.job.root, other(bench).root, "--json").document

    failed, fresh = document["jobs"]
    assert (failed["job"], failed["state"]) == (str(bench.job.root), "failed")
    assert (failed["stage"]["stage"], failed["stage"]["verdict"]) == (PROBE, "stage_failed")
    assert (fresh["state"], fresh["stages_done"], fresh["stages_needed"]) == ("to_do", 0, 3)
    assert document["exit_code"] == 0
