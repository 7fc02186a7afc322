"""The ways in which a run can end, each with its verdict and exit code."""

from pathlib import Path

import pytest

from tests.faults.calls import call, program
from tests.project_kit import Kit

pytestmark = pytest.mark.engine


def test_a_failed_stage_is_quoted_and_the_result_before_it_kept(real_kit: Kit, job: Path) -> None:
    real_kit.code("50_probe", program("raise ValueError('the text has no vowels')"))

    outcome = call(real_kit, job, "--force")

    assert (outcome.code, outcome.verdict) == (1, "stage_failed"), outcome.text
    assert "the text has no vowels" in outcome.text
    assert "stage.log" in outcome.text
    assert outcome.entry["good_is"] == "previous"


def test_a_stage_that_ends_with_137_by_itself_was_not_out_of_memory(
    real_kit: Kit, job: Path
) -> None:
    real_kit.code("50_probe", program("os.kill(os.getpid(), signal.SIGKILL)"))

    outcome = call(real_kit, job, "--force")

    assert (outcome.code, outcome.verdict) == (1, "stage_failed"), outcome.text
    assert "killed by a signal that stagerun did not send" in outcome.text


def test_a_stage_beyond_its_memory_limit_is_out_of_memory(real_kit: Kit, job: Path) -> None:
    real_kit.code("50_probe", program("held = bytearray(10**9)"))

    outcome = call(real_kit, job, "--force", "--memory", "48MiB")

    assert (outcome.code, outcome.verdict) == (7, "oom_memory"), outcome.text
    assert "memory limit of 48 MiB" in outcome.text
    assert "--memory" in outcome.text
    assert outcome.entry["good_is"] == "previous"


def test_a_child_out_of_memory_is_a_warning_where_the_stage_succeeds(
    real_kit: Kit, job: Path
) -> None:
    child = "import ctypes; held = bytearray(10**9)"
    real_kit.code(
        "50_probe",
        program(f"print(subprocess.run([sys.executable, '-c', {child!r}]).returncode)"),
    )

    outcome = call(real_kit, job, "--force", "--memory", "48MiB")

    assert (outcome.code, outcome.verdict) == (0, "success"), outcome.text
    assert "was killed for memory" in outcome.text
    assert any("killed for memory" in warning for warning in outcome.entry["warnings"])


def test_a_stage_beyond_its_time_limit_is_stopped(real_kit: Kit, job: Path) -> None:
    real_kit.code("50_probe", program("time.sleep(60)"))

    outcome = call(real_kit, job, "--force", "--timeout", "1s")

    assert (outcome.code, outcome.verdict) == (8, "timeout"), outcome.text
    assert "--timeout" in outcome.text
    assert outcome.record is not None
    assert outcome.record["duration_seconds"] < 3


def test_scratch_space_that_is_full_is_a_full_disk(real_kit: Kit, job: Path) -> None:
    real_kit.code("50_probe", program("Path('/tmp/x').write_bytes(bytes(32 << 20))"))

    outcome = call(real_kit, job, "--force", "--tmp", "4MiB")

    assert (outcome.code, outcome.verdict) == (9, "disk_full"), outcome.text
    assert "--tmp" in outcome.text


def test_without_the_result_upstream_a_stage_is_not_started(real_kit: Kit) -> None:
    job = real_kit.job()

    outcome = call(real_kit, job, stage="51_next")

    assert outcome.code == 4, outcome.text
    assert "51_next reads 50_probe/copy, and none of it is there yet" in outcome.text
    assert "stagerun 50_probe" in outcome.text
    assert not (job / "51_next").exists()


def test_without_its_input_file_a_stage_is_not_started(real_kit: Kit, job: Path) -> None:
    (job / "input/text.txt").unlink()

    outcome = call(real_kit, job, "--force")

    assert outcome.code == 4, outcome.text
    assert "names 'text.txt' as the job's text" in outcome.text
    assert (job / "50_probe/copy.txt").read_text() == "new\n"


def test_a_failed_stage_blocks_its_consumers_and_restore_unblocks_them(
    real_kit: Kit, job: Path
) -> None:
    real_kit.code("50_probe", program("sys.exit('bad day')"))
    assert call(real_kit, job, "--force").code == 1

    blocked = call(real_kit, job, stage="51_next")
    restored = real_kit.run("restore", "50_probe", job)
    after = call(real_kit, job, stage="51_next")

    assert blocked.code == 4, blocked.text
    assert "stagerun restore 50_probe" in blocked.text
    assert restored.returncode == 0, restored.stderr
    assert after.code == 0, after.text
    assert (job / "51_next/copy.txt").read_text() == "new\n"


def test_a_stage_with_more_memory_than_the_machine_is_not_admitted(
    real_kit: Kit, job: Path
) -> None:
    outcome = call(real_kit, job, "--force", "--memory", "900TiB")

    assert outcome.code == 11, outcome.text
    assert "asks for 9.216e+05 GiB of memory" in outcome.text or "900 TiB" in outcome.text
    assert (job / "50_probe/copy.txt").read_text() == "new\n"
