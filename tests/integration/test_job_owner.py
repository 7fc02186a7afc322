"""Whose files a run makes: the caller's, or the job owner's where root runs it."""

import grp
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.calls import call, ended, program, started, wait_until
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
    """Instead of the check for one owner: these tests are about two."""
    with nothing_left_behind(open_folder):
        yield
    assert foreign_files(tmp_path / "project" / "stages", os.geteuid()) == []


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
    real_kit.code("50_probe", program("(folder / 'ready').touch(); time.sleep(60)"))
    with started(real_kit, "50_probe", their_job, "--dev") as process:
        wait_until((their_job / "50_probe/ready").exists, "the stage runs")
        process.kill()
        process.wait(timeout=20)
    left = foreign_files(their_job, STRANGER)
    real_kit.code("50_probe", TELL)

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


def test_a_user_who_is_not_root_owns_all_that_a_run_makes(
    open_folder: Path, kit_images: None
) -> None:
    del kit_images
    kit = make_kit(open_folder / "project")
    kit.code("50_probe", TELL)
    job = kit.job()
    give(job)
    engine = grp.getgrgid(os.stat("/var/run/docker.sock").st_gid)
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, STRANGER, STRANGER)

    finished = subprocess.run(
        ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", f"--groups={engine.gr_gid}",
         sys.executable, STAGERUN, "50_probe", job, "--dev"],
        capture_output=True, text=True, timeout=60, check=False, cwd=kit.root,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)},
    )  # fmt: skip

    outcome = ended(job, "50_probe", finished.returncode, finished.stdout + finished.stderr)
    assert outcome.code == 0, outcome.text
    assert (job / "50_probe/copy.txt").read_text() == f"{STRANGER}:{STRANGER}"
    assert foreign_files(job, STRANGER) == []
    assert json.loads((job / "50_probe/manifest.json").read_text())["status"] == "success"
