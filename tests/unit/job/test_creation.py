"""A job is made whole or not at all."""

from errno import EDQUOT, ENOSPC
from pathlib import Path

import pytest

from runner.errors import DiskFullError, JobFolderError, NotAdmittedError
from runner.events import Event
from runner.job.creation import JobRequest, make_job


def ignore(_: Event) -> None:
    """Nobody listens."""


def request(tmp_path: Path, problem: Exception) -> JobRequest:
    film = tmp_path / "film.mkv"
    film.write_text("moving")

    def check() -> None:
        raise problem

    return JobRequest(place=tmp_path / "out/film", inputs={"media": film}, check=check)


@pytest.mark.parametrize("number", [ENOSPC, EDQUOT])
def test_a_disk_that_is_full_is_told_from_a_place_that_cannot_be_used(
    tmp_path: Path, number: int
) -> None:
    with pytest.raises(DiskFullError, match="cannot be made"):
        make_job(request(tmp_path, OSError(number, "full")), ignore, elsewhere="")
    with pytest.raises(JobFolderError, match="cannot be made"):
        make_job(request(tmp_path, PermissionError(13, "closed")), ignore, elsewhere="")


def test_a_job_that_does_not_hold_at_the_last_moment_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotAdmittedError):
        make_job(request(tmp_path, NotAdmittedError("it changed")), ignore, elsewhere="")
    assert list((tmp_path / "out").iterdir()) == []
