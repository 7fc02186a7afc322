"""A stage that is tried again by its rules, in real containers."""

from pathlib import Path

import pytest

from runner.job.folder import Job
from runner.job.job_manifest import read_record
from tests.faults.calls import call, ended, program, read_until, started
from tests.project_kit import STAGE_YAML, Kit

pytestmark = pytest.mark.engine

SOURCE = STAGE_YAML.format(source="input/text")


def with_rule(kit: Kit, rule: str) -> None:
    kit.spec("50_probe", SOURCE + f"retry: {rule}\n")


def test_a_stage_out_of_memory_gets_twice_as_much_and_its_result_counts(
    real_kit: Kit, job: Path
) -> None:
    with_rule(real_kit, "{on: oom_memory, wait: 100ms, set: {memory: {by: double, up_to: 1GiB}}}")
    fill = "held = bytearray(80 << 20)\nheld[::4096] = b'x' * 20480"
    real_kit.code(
        "50_probe",
        program(f"io.get_stage_logger().info('begun')\nprint('begun', flush=True)\n{fill}"),
    )

    outcome = call(real_kit, job, "--force", "--memory", "64MiB")

    assert (outcome.code, outcome.verdict) == (0, "success"), outcome.text
    assert "attempt 1 of 3: out of memory" in outcome.text
    assert "0.1 s before attempt 2 of 3: oom_memory" in outcome.text
    assert outcome.record is not None
    attempt = outcome.record["attempt"]
    assert attempt["changes"] == [{"name": "memory", "asked": "64 MiB", "used": "128 MiB"}]
    assert outcome.record["limits_effective"]["memory_bytes"] == 128 << 20
    first = read_record(Job(job), attempt["after"])
    assert first is not None
    assert (first["verdict"], first["attempt"]["number"]) == ("oom_memory", 1)
    folders = [Job(job).run_folder(run) for run in (attempt["after"], outcome.record["run_id"])]
    assert all((folder / "output.log").read_text().startswith("begun\n") for folder in folders)
    assert "begun" in (folders[0] / "stage.log").read_text()
    assert "begun" in (job / "50_probe/stage.log").read_text()

    again = call(real_kit, job, "--memory", "64MiB")

    assert again.code == 0, again.text
    assert "same inputs, image and settings" in again.text


def test_a_pause_can_be_cancelled_from_another_terminal(real_kit: Kit, job: Path) -> None:
    with_rule(real_kit, "{on: stage_failed, wait: 1h}")
    real_kit.code("50_probe", program("sys.exit(3)"))
    with started(real_kit, "50_probe", job, "--dev", "--force") as process:
        read_until(process, "before attempt 2 of 3")
        cancelled = real_kit.run("cancel", job)
        text, _ = process.communicate(timeout=30)
    outcome = ended(job, "50_probe", process.returncode, text)
    assert (cancelled.returncode, outcome.code) == (0, 130), text
    assert "cancelled by stagerun cancel before attempt 2 of 3" in text
    assert outcome.verdict == "stage_failed"
    assert outcome.entry["good_is"] == "previous"
