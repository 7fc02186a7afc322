"""``stagerun run`` and ``stagerun STAGE JOB``, with an engine in memory."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cli.run import command, stage_command
from runner.host.engine_fake import FakeProcess
from tests.unit.cli.bench import LAST, NEXT, PROBE, Bench, copy_input, fail, write_manifest


@pytest.fixture(autouse=True)
def in_the_project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.kit.root)


@pytest.fixture
def heeded_interrupt() -> Iterator[None]:
    """SIGINT as a terminal has it: who starts tests in the background has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def without_times(text: str) -> str:
    return re.sub(r"\d+\.\d s( +\d+ .?B)?", "TIME", text)


def copy_film(process: FakeProcess) -> int:
    """A first stage that takes the job's file whatever its name."""
    (film,) = process.path("/job/input").iterdir()
    folder = process.path(f"/job/{PROBE}")
    (folder / "copy.txt").write_bytes(film.read_bytes())
    write_manifest(folder)
    return 0


def test_one_stage_is_one_line(bench: Bench) -> None:
    said = bench.say(stage_command("probe"), "out/job")
    assert said.code == 0
    assert without_times(said.text).split() == ["✓", PROBE, "TIME", "copy.txt"]
    assert "cached   same inputs" in bench.say(stage_command("50"), "out/job").text


def test_a_job_says_at_the_end_where_its_result_is(bench: Bench) -> None:
    said = bench.say(command, "out/job")
    lines = said.text.splitlines()
    assert said.code == 0
    assert lines[0] == "out/job · text.txt · workflow copy"
    assert [line.split()[:2] for line in lines[1:4]] == [["✓", PROBE], ["✓", NEXT], ["✓", LAST]]
    assert lines[4] == " → out/job/52_last/copy.txt"


def test_every_call_leaves_a_pipeline_log(bench: Bench) -> None:
    bench.say(command, "out/job", "--upto", "next")
    (log,) = bench.job.logs.iterdir()
    assert "[probe] [INFO] run" in log.read_text()


def test_the_exit_code_is_that_of_the_first_bad_stage(bench: Bench) -> None:
    bench.does(NEXT, fail)
    said = bench.say(command, "out/job")
    assert said.code == 1
    assert f"✗ {NEXT}" in said.text
    assert "reads from 51_next" in said.text
    assert "stagerun run out/job" in said.text


def test_a_bad_job_does_not_keep_the_next_one_from_running(bench: Bench) -> None:
    bench.kit.job("other")
    (bench.job.input / "text.txt").unlink()
    said = bench.say(command, "out/job", "out/other")
    assert said.code == 4
    assert "out/other/52_last/copy.txt" in said.text


def test_several_jobs_run_side_by_side_and_are_told_apart(bench: Bench) -> None:
    job = bench.kit.job("other")
    said = bench.say(command, "out/job", "out/other", "--jobs", "2")
    assert said.code == 0
    assert {"job/50_probe", "other/50_probe"} <= set(said.text.split())
    for folder in (bench.job.root, job):
        (log,) = (folder / "logs").iterdir()
        assert log.read_text().count("success, after") == 3


def test_from_takes_what_is_there_and_upto_ends_early(bench: Bench) -> None:
    bench.run_all()
    said = bench.say(command, "out/job", "--from", "next", "--upto", "51", "--force")
    assert [line.split()[1] for line in said.text.splitlines()[1:]] == [NEXT]


def test_settings_that_nobody_declares_stop_the_call_before_anything_runs(bench: Bench) -> None:
    said = bench.say(command, "out/job", "--set", "SPEED=1")
    assert said.code == 2
    assert "SPEED" in said.text
    assert not bench.engine.created


@pytest.mark.parametrize("words", [("--memory", "lots"), ("--set", "X"), ("--wait=soon",)])
def test_options_that_make_no_sense_are_named(bench: Bench, words: tuple[str, ...]) -> None:
    said = bench.say(command, "out/job", *words)
    assert said.code == 2
    assert words[0].removesuffix("=soon") in said.text


def test_limits_given_as_options_reach_the_container(bench: Bench) -> None:
    bench.say(stage_command(PROBE), "out/job", "--memory", "100MiB", "--pids", "7", "--tmp", "1MiB")
    (container,) = bench.engine.created
    assert (container.spec.memory, container.spec.pids, container.spec.tmp) == (
        100 << 20, 7, 1 << 20,
    )  # fmt: skip


def test_a_stage_is_tried_as_often_as_the_site_says_unless_the_caller_does_not_want_it(
    bench: Bench,
) -> None:
    rule = "{on: stage_failed, attempts: 2, wait: 0}"
    bench.kit.settings(f"stages: {{{PROBE}: {{retry: {rule}}}}}\n")
    bench.does(PROBE, fail)
    said = bench.say(stage_command(PROBE), "out/job")
    assert said.code == 1
    assert "attempt 1 of 2: failed" in said.text
    assert "This was attempt 2 of 2." in said.text
    assert len(bench.engine.created) == 2
    said = bench.say(stage_command(PROBE), "out/job", "--no-retry")
    assert "attempt" not in said.text
    assert len(bench.engine.created) == 3


def test_jobs_stand_for_the_sites_number_of_stages_at_once(bench: Bench) -> None:
    bench.kit.settings("workflows: {copy: [52_last/copy]}\nlimits: {stages_at_once: 1}\n")
    assert bench.say(command, "out/job", "--jobs", "3").code == 0


def test_json_is_one_object_a_line(bench: Bench) -> None:
    documents = [
        json.loads(line) for line in bench.say(command, "out/job", "--json").text.splitlines()
    ]
    kinds = [document["type"] for document in documents]
    assert (kinds[0], kinds[-1]) == ("job_started", "job_finished")
    assert kinds.count("stage_finished") == 3


def test_quiet_prints_nothing_but_the_path_of_the_result(bench: Bench) -> None:
    assert bench.say(command, "out/job", "-q").text == "out/job/52_last/copy.txt\n"


def test_a_dry_run_says_what_would_run_and_runs_nothing(bench: Bench) -> None:
    bench.run()
    text = bench.say(command, "out/job", "--dry-run").text
    assert [line.split()[1:4] for line in text.splitlines()[1:]] == [
        [PROBE, "up", "to"], [NEXT, "would", "run"], [LAST, "would", "run"],
    ]  # fmt: skip
    assert len(bench.engine.created) == 1
    forced = bench.say(command, "out/job", "--dry-run", "--force", "--json").document
    assert [step["answer"] for step in forced["jobs"][0]["stages"]] == ["would_run"] * 3


def test_a_dry_run_says_what_could_not_run(bench: Bench) -> None:
    bench.engine.images.clear()
    text = bench.say(command, "out/job", "--dry-run").text
    assert "stagerun build 50_probe" in text
    assert "it reads from 50_probe, which cannot run" in text


def test_a_film_becomes_a_job_of_its_name(bench: Bench) -> None:
    bench.does(PROBE, copy_film)
    film = bench.kit.root / "my film.mkv"
    film.write_text("moving")
    assert "out/my film" in bench.say(command, film.name, "--dry-run").text
    assert not (bench.kit.root / "out/my film").exists()
    said = bench.say(command, film.name)
    assert (said.code, said.text.splitlines()[-1]) == (0, " → out/my film/52_last/copy.txt")
    assert (bench.kit.root / "out/my film/input/my film.mkv").samefile(film)
    assert "cached" in bench.say(command, film.name).text


def test_another_film_of_the_same_name_is_not_mixed_up(bench: Bench, tmp_path: Path) -> None:
    bench.does(PROBE, copy_film)
    for place in (bench.kit.root, tmp_path):
        (place / "film.mkv").write_text(str(place))
    assert bench.say(command, "film.mkv", "--upto", "probe").code == 0
    said = bench.say(command, tmp_path / "film.mkv")
    assert said.code == 2
    assert "--out" in said.text
    assert bench.say(command, tmp_path / "film.mkv", "--out", "out/second").code == 0


def test_a_job_that_is_not_there_is_refused_with_the_way_to_make_it(bench: Bench) -> None:
    said = bench.say(command, "out/nothing")
    assert said.code == 2
    assert "stagerun init" in said.text


def test_a_film_that_is_not_there_is_not_called_a_job(bench: Bench) -> None:
    said = bench.say(command, "films/River.MKV")
    assert (said.code, said.text) == (2, "the film films/River.MKV is not there. Check its name.")


@pytest.mark.usefixtures("heeded_interrupt")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_stops_the_stage_and_is_the_exit_code(bench: Bench, name: str, code: int) -> None:
    def until_signal(process: FakeProcess) -> int:
        os.kill(os.getpid(), getattr(signal, name))
        return 143 if process.sleep_until_signal(30) == "SIGTERM" else 1

    bench.does(PROBE, until_signal)
    said = bench.say(command, "out/job")
    assert said.code == code
    assert f"stopping {PROBE}" in said.text
    assert "a second one kills it" in said.text


@pytest.mark.usefixtures("heeded_interrupt")
def test_a_second_signal_kills(bench: Bench) -> None:
    def stubborn(process: FakeProcess) -> int:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            process.sleep_until_signal(30)
        return 0

    bench.does(PROBE, stubborn)
    said = bench.say(stage_command(PROBE), "out/job")
    assert said.code == 130
    assert f"killing {PROBE}" in said.text


def test_after_a_run_signals_do_what_they_did_before(bench: Bench) -> None:
    before = signal.getsignal(signal.SIGTERM)
    bench.does(PROBE, copy_input)
    bench.say(stage_command(PROBE), "out/job")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_prompt_needs_a_terminal(bench: Bench) -> None:
    said = bench.say(stage_command(PROBE), bench.job.root, "--shell")
    assert said.code == 2
    assert "there is no terminal to type at" in said.text
    assert (
        "--keep belongs to a run"
        in bench.say(stage_command(PROBE), bench.job.root, "--shell", "--keep").text
    )
    assert bench.engine.created == []


def test_a_kept_container_is_told_of_and_the_stage_is_not_tried_again(bench: Bench) -> None:
    rule = "{on: stage_failed, attempts: 2, wait: 0}"
    bench.kit.settings(f"stages: {{{PROBE}: {{retry: {rule}}}}}\n")
    bench.does(PROBE, fail)
    said = bench.say(stage_command(PROBE), bench.job.root, "--keep")
    assert said.code == 1
    (kept,) = bench.engine.created
    assert f"Remove it: docker --host {bench.engine.address} rm {kept.id}\n" in said.text
    as_json = bench.say(stage_command(PROBE), bench.job.root, "--keep", "--json")
    last = json.loads(as_json.text.splitlines()[-1])
    assert (last["type"], last["stage"]) == ("notice", PROBE)
    assert last["job"] == str(bench.job.root)
    assert bench.engine.created[-1].id in last["message"]
