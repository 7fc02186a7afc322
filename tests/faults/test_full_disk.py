"""No space left: in the job's file system, for the runner's own files, in the image store."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.faults.calls import call, program, read_until, started
from tests.faults.small_disk import NEEDS_ROOT, fill, small_disk
from tests.project_kit import Kit
from tests.second_engine import SecondEngine, second_engine, why_no_second_engine

NOT_HERE: Final = why_no_second_engine()
pytestmark = [pytest.mark.engine, pytest.mark.root, NEEDS_ROOT]

STORE_BYTES: Final = 512 << 20


@pytest.fixture
def small_job(real_kit: Kit, job: Path) -> Iterator[Path]:
    """The job with a good result, on a file system of its own that has room for little else."""
    small = real_kit.root / "out/small"
    small.mkdir()
    with small_disk(small, "4m"):
        subprocess.run(["cp", "-a", f"{job}/.", small], check=True, timeout=20)
        yield small


def test_a_job_that_is_a_file_system_of_its_own_can_be_run(real_kit: Kit, small_job: Path) -> None:
    real_kit.settings("limits: {stages_at_once: 64, disk_free: 64KiB}\n")

    outcome = call(real_kit, small_job, "--force")

    assert outcome.code == 0, outcome.text


def test_a_disk_that_others_fill_while_a_stage_waits_for_a_place_is_told_before_it_starts(
    real_kit: Kit, small_job: Path, tmp_path: Path
) -> None:
    real_kit.settings("limits: {stages_at_once: 1, disk_free: 64KiB}\n")
    place = tmp_path / f"stagerun-{os.geteuid()}/slots/0.lock"
    place.parent.mkdir(parents=True, mode=0o700)
    runs = len(list((small_job / ".stagerun/runs").iterdir()))
    words = ("50_probe", small_job, "--dev", "--force", "--wait")
    with started(real_kit, *words, XDG_RUNTIME_DIR=str(tmp_path)) as waiting:
        with place.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            text = read_until(waiting, "waiting")
            fill(small_job / "film")
        text += waiting.communicate(timeout=30)[0]

    assert waiting.returncode == 9, text
    assert "limits.disk_free" in text
    assert len(list((small_job / ".stagerun/runs").iterdir())) == runs


@pytest.mark.parametrize("tidy", [True, False], ids=["room is made again", "stays full"])
def test_a_disk_that_the_stage_fills_is_told_and_the_result_kept(
    real_kit: Kit, small_job: Path, *, tidy: bool
) -> None:
    more = "finally: os.remove(folder / 'big')" if tidy else "finally: print('x' * 100000)"
    real_kit.settings("limits: {stages_at_once: 64, disk_free: 64KiB}\n")
    filling = "for _ in range(999): file.write(bytes(10000)), file.flush()"
    real_kit.code(
        "50_probe",
        program(f"try:\n    with open(folder / 'big', 'wb') as file:\n        {filling}\n{more}"),
    )

    outcome = call(real_kit, small_job, "--force")
    kept = (small_job / ".stagerun/previous/50_probe/copy.txt").read_text()
    why = real_kit.run("why", "50_probe", small_job)
    (small_job / "50_probe/big").unlink(missing_ok=True)
    real_kit.code("50_probe", program())
    again = call(real_kit, small_job)

    assert (outcome.code, outcome.verdict) == (9, "disk_full"), outcome.text
    assert "no space left" in outcome.text
    assert "no space left" in why.stdout
    assert kept == "new\n"
    assert again.code == 0, again.text


def test_a_disk_without_the_space_that_stays_free_is_told_before_the_start(
    real_kit: Kit, small_job: Path
) -> None:
    outcome = call(real_kit, small_job, "--force")

    assert outcome.code == 9, outcome.text
    assert "free, and 50_probe starts only with" in outcome.text
    assert (small_job / "50_probe/copy.txt").exists()


@pytest.mark.parametrize(
    ("pages", "says"),
    # The call's pipeline log takes the one page, and what the last result took no longer fits.
    [(1, "has 0 B free"), *((pages, "there is no space left") for pages in (0, 2, 5, 21))],
)
def test_without_room_for_its_own_files_the_runner_leaves_the_result_as_it_was(
    real_kit: Kit, small_job: Path, pages: int, says: str
) -> None:
    real_kit.settings("limits: {stages_at_once: 64, disk_free: 0}\n")
    real_kit.code("50_probe", program())
    ballast = small_job / "ballast"
    fill(ballast, leave_pages=pages)

    refused = call(real_kit, small_job, "--force")
    status = real_kit.run("status", small_job)
    ballast.unlink()
    after = call(real_kit, small_job)

    assert refused.code == 9, refused.text
    assert says in refused.text
    assert "stagerun clean" in refused.text
    assert refused.verdict == "success"
    assert "success" in status.stdout
    assert (small_job / "50_probe/copy.txt").read_text() == "new\n"
    assert "cached" in after.text, after.text


@pytest.fixture(scope="module")
def full_engine(kit_images: None) -> Iterator[SecondEngine]:  # noqa: ARG001  (built first)
    with second_engine(store_bytes=STORE_BYTES) as running:
        running.load("stagerun/50_probe:main")
        yield running


@pytest.mark.docker
@pytest.mark.skipif(NOT_HERE is not None, reason=str(NOT_HERE))
def test_an_image_store_without_room_is_a_full_disk_and_the_result_stays(
    real_kit: Kit, job: Path, full_engine: SecondEngine
) -> None:
    ballast = full_engine.folder / "data/ballast"
    fill(ballast)

    before = call(real_kit, job, "--force", DOCKER_HOST=full_engine.address)
    real_kit.settings("limits: {stages_at_once: 64, disk_free: 0}\n")
    later = call(real_kit, job, "--force", DOCKER_HOST=full_engine.address)
    ballast.unlink()
    after = call(real_kit, job, "--force", DOCKER_HOST=full_engine.address)

    assert before.code == 9, before.text
    assert "where the engine keeps images and containers" in before.text
    assert later.code == 9, later.text
    assert "the engine has no space left" in later.text
    assert (after.code, after.verdict) == (0, "success"), after.text
