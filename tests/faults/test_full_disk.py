"""No space left: in the job's file system, for the runner's own files, in the image store."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.faults.calls import call, ended, misbehave, program
from tests.project_kit import SETTINGS, Kit
from tests.second_engine import SecondEngine, second_engine, why_no_second_engine

NOT_HERE: Final = why_no_second_engine()
pytestmark = [
    pytest.mark.engine,
    pytest.mark.root,
    pytest.mark.skipif(NOT_HERE is not None, reason=str(NOT_HERE)),
]

PAGE: Final = 4096
JOB_BYTES: Final = 8 << 20
STORE_BYTES: Final = 512 << 20
FILL: Final = """
with open(folder / "big", "wb") as file:
    while True:
        file.write(bytes(1 << 16))
"""


@pytest.fixture
def small_job(real_kit: Kit, job: Path, tmp_path: Path) -> Iterator[Path]:
    """The job with a good result, on a file system of its own that has room for little else."""
    real_kit.settings(SETTINGS.replace("limits: {", "limits: {disk_free: 1B, "))
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={JOB_BYTES}", "tmpfs", str(disk)], check=True
    )
    try:
        yield Path(shutil.move(job, disk / "job"))
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(path: Path, leave_pages: int = 0) -> None:
    """Write a file until nothing more fits, and give some pages back."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(PAGE)):
                pass
        except OSError:
            pass
        size = os.fstat(file.fileno()).st_size // PAGE * PAGE
        file.truncate(max(0, size - leave_pages * PAGE))


def test_a_stage_that_fills_the_disk_is_told_so_and_everything_stays_readable(
    real_kit: Kit, small_job: Path
) -> None:
    outcome = misbehave(real_kit, small_job, FILL)
    why = real_kit.run("why", "50_probe", small_job)
    restored = real_kit.run("restore", "50_probe", small_job)
    real_kit.code("50_probe", program())
    again = call(real_kit, small_job, "--force")

    assert (outcome.code, outcome.verdict) == (9, "disk_full"), outcome.text
    assert "no space left" in why.stdout
    assert restored.returncode == 0, restored.stderr
    assert (again.code, again.verdict) == (0, "success"), again.text


@pytest.mark.parametrize("pages", [0, 1, 2, 5, 21])
def test_without_room_for_its_own_files_the_runner_leaves_the_result_as_it_was(
    real_kit: Kit, small_job: Path, pages: int
) -> None:
    real_kit.code("50_probe", program())
    ballast = small_job.parent / "ballast"
    fill(ballast, leave_pages=pages)

    refused = call(real_kit, small_job, "--force")
    before = ended(small_job, "50_probe", refused.code, refused.text)
    ballast.unlink()
    after = call(real_kit, small_job)

    assert refused.code == 9, refused.text
    assert "stagerun clean" in refused.text
    assert before.verdict == "success"
    assert (small_job / "50_probe/copy.txt").read_text() == "new\n"
    assert "cached" in after.text, after.text


@pytest.fixture(scope="module")
def full_engine(kit_images: None) -> Iterator[SecondEngine]:  # noqa: ARG001  (built first)
    with second_engine(store_bytes=STORE_BYTES) as running:
        running.load("stagerun/50_probe:main")
        yield running


def test_an_image_store_without_room_is_a_full_disk_and_the_result_stays(
    real_kit: Kit, job: Path, full_engine: SecondEngine
) -> None:
    ballast = full_engine.folder / "data/ballast"
    fill(ballast)

    full = call(real_kit, job, "--force", DOCKER_HOST=full_engine.address)
    ballast.unlink()
    after = call(real_kit, job, "--force", DOCKER_HOST=full_engine.address)

    assert full.code == 9, full.text
    assert "space" in full.text
    assert (after.code, after.verdict) == (0, "success"), after.text
