"""Whose files a run makes: the caller's, or the job owner's where root runs it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.host.engine import engine_address
from tests.faults.calls import Ended, call, ended, program, started, wait_until
from tests.faults.leaks import foreign_files, nothing_left_behind
from tests.project_kit import STAGERUN, Kit, make_kit

pytestmark = [
    pytest.mark.engine,
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user"),
]

STRANGER = 12345
TELL = program("io.output('copy').write_text(f'{os.getuid()}:{os.getgid()}')")


def give(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)


@pytest.fixture
def their_job(real_kit: Kit) -> Path:
    """A job of somebody else, which root runs."""
    folder = real_kit.job("theirs")
    give(folder)
    return folder


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, open_folder: Path) -> Iterator[None]:
    """As everywhere, but for the files of the job's owner."""
    with (
        nothing_left_behind(tmp_path, owners=[STRANGER]),
        nothing_left_behind(open_folder, owners=[STRANGER]),
    ):
        yield


def test_a_job_of_somebody_else_is_run_as_them_and_every_file_is_theirs(
    real_kit: Kit, their_job: Path
) -> None:
    real_kit.code("50_probe", TELL)

    outcomes = [call(real_kit, their_job), call(real_kit, their_job, "--force")]
    pipeline = real_kit.run("run", their_job, "--dev")

    assert [outcome.code for outcome in outcomes] == [0, 0], outcomes[-1].text
    assert pipeline.returncode == 0, pipeline.stderr
    assert (their_job / "50_probe/copy.txt").read_text() == f"{STRANGER}:{STRANGER}"
    assert foreign_files(their_job, STRANGER) == []


def test_a_failed_run_in_a_job_of_somebody_else_leaves_their_files_only(
    real_kit: Kit, their_job: Path
) -> None:
    real_kit.code("50_probe", TELL)
    assert call(real_kit, their_job).code == 0
    real_kit.code("50_probe", program("sys.exit('no')"))

    outcome = call(real_kit, their_job, "--force")
    restored = real_kit.run("restore", "50_probe", their_job)

    assert outcome.code == 1, outcome.text
    assert restored.returncode == 0, restored.stderr
    assert foreign_files(their_job, STRANGER) == []


def test_a_dead_runner_in_a_job_of_somebody_else_leaves_their_files_only(
    real_kit: Kit, their_job: Path
) -> None:
    real_kit.code("50_probe", program("while not Path('/job/input/go').exists(): time.sleep(0.05)"))
    with started(real_kit, "50_probe", their_job, "--dev") as process:
        wait_until((their_job / "50_probe/copy.txt").exists, "the stage runs")
        process.kill()
        process.wait(timeout=20)
    left = foreign_files(their_job, STRANGER)
    real_kit.code("50_probe", TELL)
    (their_job / "input/go").touch()
    give(their_job / "input/go")

    outcome = call(real_kit, their_job)

    assert left == []
    assert outcome.code == 0, outcome.text
    assert foreign_files(their_job, STRANGER) == []


def test_a_refused_run_in_a_job_of_somebody_else_leaves_their_files_only(
    real_kit: Kit, their_job: Path
) -> None:
    (their_job / "input/text.txt").unlink()

    outcome = call(real_kit, their_job)

    assert outcome.code == 4, outcome.text
    assert foreign_files(their_job, STRANGER) == []


@pytest.fixture
def reachable_kit(open_folder: Path, request: pytest.FixtureRequest) -> Kit:
    """A small project that every user can reach, its images built."""
    request.getfixturevalue("engine")
    request.getfixturevalue("kit_images")
    home = open_folder / "home"
    home.mkdir()
    give(home)
    return make_kit(open_folder / "project")


def run_as_stranger(kit: Kit, job: Path, *options: str) -> Ended:
    """Run the stage as somebody who is not root and may use the engine."""
    address = engine_address()
    group = Path(address.removeprefix("unix://")).stat().st_gid
    home = kit.root.parent / "home"
    finished = subprocess.run(
        ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", f"--groups={group}",
         sys.executable, STAGERUN, "50_probe", job, "--dev", *options],
        capture_output=True, text=True, timeout=60, check=False, cwd=kit.root,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home),
             "DOCKER_HOST": address},
    )  # fmt: skip
    text = finished.stdout + finished.stderr
    assert "Traceback" not in text, text
    return ended(job, "50_probe", finished.returncode, text)


def test_a_user_who_is_not_root_owns_all_that_a_run_makes(reachable_kit: Kit) -> None:
    reachable_kit.code("50_probe", TELL)
    job = reachable_kit.job()
    give(job)

    outcome = run_as_stranger(reachable_kit, job)

    assert outcome.code == 0, outcome.text
    assert (job / "50_probe/copy.txt").read_text() == f"{STRANGER}:{STRANGER}"
    assert foreign_files(job, STRANGER) == []


def test_a_job_of_somebody_else_that_everybody_may_write_can_be_run(reachable_kit: Kit) -> None:
    reachable_kit.code("50_probe", TELL)
    job = reachable_kit.job()
    job.chmod(0o777)

    outcome = run_as_stranger(reachable_kit, job)

    assert outcome.code == 0, outcome.text
    assert foreign_files(job / "50_probe", STRANGER) == []
    assert foreign_files(job / ".stagerun", STRANGER) == []


CLOSED = {
    "output": ("(folder / 'copy.txt').chmod(0)", "copy.txt  may not be read by its owner"),
    "folder": (
        "(folder / 'd').mkdir(); (folder / 'd/x').touch(); (folder / 'd').chmod(0)",
        "a folder in it cannot be read: Permission denied",
    ),
    "manifest": ("(folder / 'manifest.json').chmod(0)", "cannot be read: Permission denied"),
}


@pytest.mark.parametrize("kind", CLOSED)
def test_what_the_stage_has_locked_is_told_and_is_no_obstacle_to_the_next_run(
    reachable_kit: Kit, kind: str
) -> None:
    change, message = CLOSED[kind]
    job = reachable_kit.job()
    give(job)
    reachable_kit.code("50_probe", program(after=change))

    locked = run_as_stranger(reachable_kit, job)
    reachable_kit.code("50_probe", TELL)
    after = run_as_stranger(reachable_kit, job, "--force")

    assert (locked.code, locked.verdict) == (3, "contract_violation"), locked.text
    assert message in locked.text
    assert after.code == 0, after.text
    assert sorted(path.name for path in (job / ".stagerun/previous").iterdir()) == []
