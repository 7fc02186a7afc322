"""Ways to change what a result depends on, and the result itself."""

import shutil

from runner.job.folder import Job
from tests.unit.run.conftest import (
    PROBE,
    Place,
)


def changed_output(place: Place, job: Job) -> None:
    del place
    (job.stage_folder(PROBE) / "copy.txt").write_text("tampered")


def missing_output(place: Place, job: Job) -> None:
    del place
    (job.stage_folder(PROBE) / "copy.txt").unlink()


def missing_folder(place: Place, job: Job) -> None:
    del place
    shutil.rmtree(job.stage_folder(PROBE))


def changed_manifest(place: Place, job: Job) -> None:
    del place
    (job.stage_folder(PROBE) / "manifest.json").write_text("{}")
