"""The demo, run once for all tests that look at it."""

import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from runner.host.engine import DockerEngine
from tests.project_kit import ROOT, run_stagerun

DETAILS: Final = ROOT / "demo" / "tmdb.json"
GLOSSARY: Final = ROOT / "demo" / "glossary.tsv"
SETTINGS: Final = ("--set", "TARGET_LANGUAGES=es")


@dataclass(frozen=True)
class Demo:
    """The demo's job after its first run, and what the command printed."""

    job: Path
    printed: str
    inputs: dict[str, Path]

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
    inputs = {"media": film, "tmdb": DETAILS, "glossary": GLOSSARY}
    made = Demo(job=folder / "job", printed="", inputs=inputs)
    assert made.stagerun("build").returncode == 0
    words = [word for name, file in inputs.items() for word in ("--input", f"{name}={file}")]
    begun = made.stagerun("init", made.job, *words, *SETTINGS)
    assert begun.returncode == 0, begun.stderr
    run = made.stagerun("run", made.job, "--wait", "10m")
    assert run.returncode == 0, run.stdout + run.stderr
    return replace(made, printed=run.stdout)


@pytest.fixture
def copied_job(demo: Demo, tmp_path: Path) -> Path:
    """The demo's job, copied, so that a test may change it."""
    return Path(shutil.copytree(demo.job, tmp_path / "job", symlinks=True))
