"""``stagerun status``."""

import json
import os
from dataclasses import asdict
from typing import Final

import pytest

from runner.cli.status import command
from runner.host.machine import ProcessIdentity
from runner.job.folder import Job
from runner.job.journal import INTENT, STARTED, journal_of
from runner.job.lock import stage_lock
from runner.manifest import GpuCurve
from tests.unit.cli.bench import LAST, NEXT, PROBE, Bench, fail

DIGEST: Final = "sha256:" + "0" * 64


def begin_run(job: Job, stage_id: str, owner: ProcessIdentity, run_id: str = "20260101-1") -> None:
    """The journal of a run that nobody has closed."""
    job.run_folder(run_id).mkdir(parents=True)
    journal = journal_of(job, run_id)
    journal.write(INTENT, stage_id=stage_id, image=DIGEST, fingerprint=DIGEST, owner=asdict(owner))
    journal.write(STARTED)


def states(bench: Bench) -> dict[str, str]:
    stages = bench.say(command, bench.job.root, "--json").document["stages"]
    return {stage["stage"]: stage["state"] for stage in stages}


def test_a_fresh_job_says_what_is_ready_and_what_waits_for_what(bench: Bench) -> None:
    said = bench.say(command, bench.job.root)
    assert said.code == 0
    lines = [line.split() for line in said.text.splitlines()]
    assert lines[1:] == [
        [PROBE, "not", "run"],
        [NEXT, "waiting", "needs", PROBE],
        [LAST, "waiting", "needs", NEXT],
    ]


def test_a_result_shows_its_run_and_its_files_with_their_sizes(bench: Bench) -> None:
    outcome = bench.run()
    line = bench.say(command, bench.job.root).text.splitlines()[1]
    assert f"{outcome.run_id}" in line
    assert line.endswith("copy.txt 6 B")


def test_a_cached_result_is_still_a_success(bench: Bench) -> None:
    bench.run()
    bench.run()
    assert states(bench)[PROBE] == "success"


def test_a_failure_says_its_cause_and_that_the_good_result_is_kept(bench: Bench) -> None:
    good = bench.run().run_id
    bench.does(PROBE, fail)
    bench.run(force=True)
    said = bench.say(command, bench.job.root)
    assert "failed" in said.text
    assert f"the stage failed; good result of {good} kept" in said.text
    assert said.code == 0


def test_a_stage_behind_a_failed_one_waits_for_it(bench: Bench) -> None:
    bench.does(PROBE, fail)
    bench.run()
    assert states(bench)[NEXT] == "waiting"


def test_a_file_that_was_cut_off_is_noticed_without_hashing(bench: Bench) -> None:
    bench.run()
    (bench.job.root / PROBE / "copy.txt").write_text("")
    assert states(bench)[PROBE] == "changed"


def test_a_stage_that_is_switched_off_says_so(bench: Bench) -> None:
    with bench.job.file.open("a") as file:
        file.write("stages: {50_probe: {enabled: false}}\n")
    bench.run()
    said = bench.say(command, bench.job.root).text
    assert "skipped" in said
    assert "switched off" in said


def test_an_open_run_whose_runner_died_makes_the_exit_code_10(bench: Bench) -> None:
    here = ProcessIdentity.current()
    begin_run(bench.job, PROBE, ProcessIdentity(1 << 22, 1, here.boot_id, here.machine_id))
    said = bench.say(command, bench.job.root)
    assert said.code == 10
    assert "runner lost" in said.text


def test_a_stage_whose_lock_is_held_is_running(bench: Bench) -> None:
    begin_run(bench.job, PROBE, ProcessIdentity.current())
    with stage_lock(bench.job, PROBE):
        assert states(bench)[PROBE] == "running"


def test_a_run_of_another_machine_is_not_judged(bench: Bench) -> None:
    begin_run(bench.job, PROBE, ProcessIdentity(os.getpid(), 1, "", "another machine"))
    said = bench.say(command, bench.job.root)
    assert said.code == 0
    assert "another machine" in said.text


def test_the_stage_of_a_workflow_that_the_job_does_not_use_is_left_out(bench: Bench) -> None:
    with bench.job.file.open("a") as file:
        file.write("workflow: first\n")
    assert list(states(bench)) == [PROBE]


def test_words_of_a_stage_cannot_steer_the_terminal(bench: Bench) -> None:
    with bench.job.file.open("a") as file:
        file.write("stages: {50_probe: {enabled: false}}\n")
    bench.run()
    text = bench.job.manifest_file.read_text().replace("switched off", "\\u001b[2Jswitched off")
    bench.job.manifest_file.write_text(text)
    assert "\x1b" not in bench.say(command, bench.job.root).text


@pytest.mark.parametrize(("good_is", "state"), [("in place", "success"), (None, "failed")])
def test_an_end_that_only_a_newer_runner_knows_is_told_by_its_result(
    bench: Bench, good_is: str | None, state: str
) -> None:
    bench.run()
    manifest = json.loads(bench.job.manifest_file.read_text())
    manifest["stages"][PROBE] |= {"verdict": "better_than_ever", "good_is": good_is}
    bench.job.manifest_file.write_text(json.dumps(manifest))

    said = bench.say(command, bench.job.root)

    assert said.text.splitlines()[1].split()[1] == state


def let_gpus_be_seen(bench: Bench, *uuids: str) -> None:
    """Give the last run's record a curve: memory that rises, a GPU that is busy in the middle."""
    path = bench.job.run_folder(str(bench.entry()["run_id"])) / "record.json"
    curve = GpuCurve(
        memory_peak_bytes=5_100_000_000,
        memory_total_bytes=24_000_000_000,
        utilisation_mean=0.63,
        power_watts_mean=71.4,
        temperature_celsius_peak=63,
        energy_joules=1234.5,
        seconds=[0.0, 1.0, 2.0, 3.0],
        memory_bytes=[0, 1_700_000_000, 3_400_000_000, 5_100_000_000],
        utilisation=[0.0, 1.0, None, 0.5],
    )
    record = json.loads(path.read_text())
    record["gpu_curve"] = {uuid: curve.model_dump() for uuid in uuids}
    path.write_text(json.dumps(record))


def test_the_course_of_each_gpu_is_drawn_below_its_stage_when_asked_for(bench: Bench) -> None:
    bench.run()
    let_gpus_be_seen(bench, "GPU-5ca1ab1e-0000", "GPU-0ddba11-0000")

    brief = bench.say(command, bench.job.root).text.splitlines()
    lines = bench.say(command, bench.job.root, "-v").text.splitlines()

    assert not [line for line in brief if "GPU" in line]
    row = next(number for number, line in enumerate(lines) if line.startswith(PROBE))
    assert lines[row + 1 : row + 4] == [
        "  GPU-5ca1ab1e  memory       ▁▃▆█  peak 5.1 GB of 24.0 GB",
        "                utilisation  ▁█ ▅  mean 63 %, 71 W, up to 63 °C, 1.2 kJ",
        "  GPU-0ddba11-  memory       ▁▃▆█  peak 5.1 GB of 24.0 GB",
    ]


def test_the_document_has_the_course_of_the_last_run(bench: Bench) -> None:
    bench.run()
    let_gpus_be_seen(bench, "GPU-a")

    stages = bench.say(command, bench.job.root, "--json").document["stages"]

    curves = {stage["stage"]: stage["gpu_curve"] for stage in stages}
    assert curves[PROBE]["GPU-a"]["utilisation"] == [0.0, 1.0, None, 0.5]
    assert curves[NEXT] == {}


def test_words_in_a_record_cannot_steer_the_terminal(bench: Bench) -> None:
    bench.run()
    let_gpus_be_seen(bench, "GPU-\x1b[2J")

    assert "\x1b" not in bench.say(command, bench.job.root, "-v").text
