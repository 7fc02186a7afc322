"""A job directory with one input file."""

from pathlib import Path

import pytest

from runner.job.folder import Job, open_job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    folder = tmp_path / "job1"
    (folder / "input").mkdir(parents=True)
    (folder / "input" / "text.txt").write_text("hello\n")
    (folder / "job.yaml").write_text("input: {text: text.txt}\n")
    return open_job(folder)
