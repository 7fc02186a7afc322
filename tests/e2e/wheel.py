"""The wheel, built of a clean copy of the sources and installed apart from this checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.project_kit import ROOT

SOURCES: Final = ("pyproject.toml", "README.md", "LICENSE", "runner", "shared", "images")


def installed_wheel(folder: Path) -> dict[str, str]:
    """Install the wheel into an empty folder; returns the environment that its commands need."""
    sources, site = folder / "sources", folder / "site"
    sources.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, sources / name, ignore=ignored)
        else:
            shutil.copyfile(ROOT / name, sources / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "-w", str(folder), str(sources)]
    _run(build)
    (wheel,) = folder.glob("stagerun-*.whl")
    _run([*pip, "install", *offline, "--target", str(site), str(wheel)])
    return {
        **os.environ,
        "PYTHONPATH": str(site),
        "PATH": f"{site / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
