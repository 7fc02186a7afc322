"""``stagerun restore``."""

from runner.cli.restore import command
from runner.host.machine import ProcessIdentity
from runner.job.lock import stage_lock
from tests.unit.cli.bench import NEXT, PROBE, Bench, fail
from tests.unit.cli.test_status import begin_run


def fail_after_success(bench: Bench) -> str:
    good = bench.run().run_id
    bench.does(PROBE, fail)
    bench.run(force=True)
    return str(good)


def test_the_result_before_the_last_run_comes_back_and_can_be_read_from(bench: Bench) -> None:
    good = fail_after_success(bench)
    assert not bench.run(NEXT).good
    said = bench.say(command, "probe", bench.job.root)
    assert said.text == f"{PROBE}: the result of run {good} is in force again\n"
    assert bench.entry()["run_id"] == good
    assert bench.run(NEXT).good


def test_there_must_be_something_to_bring_back(bench: Bench) -> None:
    bench.run()
    said = bench.say(command, PROBE, bench.job.root)
    assert said.code == 2
    assert "no previous result" in said.text


def test_a_stage_that_is_being_run_is_refused(bench: Bench) -> None:
    fail_after_success(bench)
    with stage_lock(bench.job, PROBE):
        assert bench.say(command, PROBE, bench.job.root).code == 11
    assert bench.entry()["good_is"] == "previous"


def test_what_a_dead_runner_left_is_closed_first(bench: Bench) -> None:
    good = fail_after_success(bench)
    here = ProcessIdentity.current()
    begin_run(bench.job, PROBE, ProcessIdentity(1 << 22, 1, here.boot_id, here.machine_id))
    said = bench.say(command, PROBE, bench.job.root, "--json")
    assert said.code == 0, said.text
    assert bench.entry()["run_id"] == good
