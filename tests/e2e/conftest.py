"""The demo, run once for all tests that look at it."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.host.engine import DockerEngine
from tests.project_kit import ROOT, run_stagerun


@dataclass(frozen=True)
class Demo:
    """The demo's job after its first run, and what the command printed."""

    job: Path
    printed: str

    def stagerun(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        """The command line in the checkout."""
        return run_stagerun(*words)


@pytest.fixture(scope="session")
def demo(engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The film, the job and its first run, as ``make demo`` has them."""
    assert engine.facts().version
    folder = tmp_path_factory.mktemp("demo")
    film = folder / "demo.mkv"
    subprocess.run([sys.executable, str(ROOT / "demo" / "film.py"), str(film)], check=True)
    made = Demo(job=folder / "job", printed="")
    assert made.stagerun("build").returncode == 0
    begun = made.stagerun("init", made.job, "--input", f"media={film}")
    assert begun.returncode == 0, begun.stderr
    run = made.stagerun("run", made.job)
    assert run.returncode == 0, run.stdout + run.stderr
    return Demo(job=made.job, printed=run.stdout)


@pytest.fixture
def copied_job(demo: Demo, tmp_path: Path) -> Path:
    """The demo's job, copied, so that a test may change it."""
    return Path(shutil.copytree(demo.job, tmp_path / "job", symlinks=True))
