"""What is imported when there is nothing to do: a resume must cost next to nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.project_kit import ROOT, STAGERUN, Kit

HEAVY = ("docker", "fastjsonschema", "psutil", "pydantic", "requests", "rich", "yaml")
# The core alone, on an engine in memory: what it was that ran, and what was imported for it.
CORE = """
import sys
from pathlib import Path
from runner.job.folder import Job, open_job
from tests.project_kit import Kit
from tests.unit.run.conftest import Place
place = Place(Kit(Path(sys.argv[1])))
place.build()
outcome = place.run(open_job(Path(sys.argv[2])))
print(outcome.verdict, *sorted(name for name in sys.modules if "." not in name))
"""


def python(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def imported(importtime: str) -> set[str]:
    """The top-level modules in the report of ``-X importtime``."""
    lines = (line for line in importtime.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_a_cached_stage_needs_neither_parser_nor_schema(kit: Kit) -> None:
    job = kit.job()
    verdicts: list[str] = []
    modules: list[str] = []
    for _ in range(2):
        verdict, *modules = python("-c", CORE, kit.root, job).stdout.split()
        verdicts.append(verdict)
    assert verdicts == ["success", "cached"]
    assert set(HEAVY) & set(modules) == set()


def test_the_version_is_told_without_importing_anything() -> None:
    report = python("-X", "importtime", STAGERUN, "--version").stderr
    assert set(HEAVY) & imported(report) == set()
    assert "click" not in imported(report)


@pytest.mark.engine
def test_a_cached_stage_on_the_command_line_imports_nothing_heavy(real_kit: Kit) -> None:
    job = real_kit.job()
    assert real_kit.run("50_probe", job).returncode == 0
    words = ("-X", "importtime", str(STAGERUN), "50_probe", str(job))
    done = subprocess.run(
        [sys.executable, *words],
        cwd=real_kit.root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(HEAVY) & imported(done.stderr) == set()
