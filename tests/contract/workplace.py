"""Stage scripts in processes of their own, with every Python that this machine has."""

import functools
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OLDEST = (3, 9)
PROBE = "import sys; print(sys.version_info[0], sys.version_info[1])"
NAME = re.compile(r"python3(\.\d+)?")


@dataclass(frozen=True)
class Ended:
    """How a stage script ended, and what it left behind."""

    code: int
    out: str
    err: str
    job: Path

    def manifest(self, stage_id: str = "06_asr") -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.job / stage_id / "manifest.json").read_text())
        return document

    def stage_log(self, stage_id: str = "06_asr") -> str:
        return (self.job / stage_id / "stage.log").read_text()

    def pipeline_log(self) -> str:
        (path,) = (self.job / "logs").glob("99_pipeline_*.log")
        return path.read_text()


@dataclass(frozen=True)
class Workplace:
    """A folder that holds ``shared`` by its path, a job, and stage scripts."""

    folder: Path

    @property
    def job(self) -> Path:
        return self.folder / "out"

    def write(self, text: str, name: str = "scripts/your_stage.py") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("STAGERUN_", "OUTPUT_"))}
        return {
            **kept,
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONWARNINGS": "error",
            **more,
        }

    def start(
        self, script: Path, *, python: str = sys.executable, **environment: str
    ) -> "subprocess.Popen[str]":
        # Whoever runs the tests in the background has SIGINT ignored, and children inherit that.
        return subprocess.Popen(
            ["env", "--default-signal=HUP,INT,TERM", python, str(script)],
            cwd=self.folder,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: "subprocess.Popen[str]") -> Ended:
        out, err = process.communicate(timeout=30)
        return Ended(process.returncode, out, err, self.job)

    def run(self, text: str, *, name: str = "scripts/your_stage.py", **options: str) -> Ended:
        return self.finish(self.start(self.write(text, name), **options))


@functools.cache
def pythons() -> dict[str, str]:
    """A working Python per version from 3.9 on, found on PATH; shims may lead nowhere."""
    found: dict[str, str] = {}
    for candidate in candidates():
        probe = subprocess.run(
            [candidate, "-c", PROBE], capture_output=True, text=True, check=False, timeout=20
        )
        numbers = probe.stdout.split()
        if probe.returncode == 0 and tuple(map(int, numbers)) >= OLDEST:
            found.setdefault(".".join(numbers), candidate)
    return found


def candidates() -> list[str]:
    """Everything on PATH that is called like a Python, and the neighbours of a shim's versions."""
    names = [sys.executable]
    for folder in map(Path, os.environ.get("PATH", "").split(os.pathsep)):
        if folder.is_dir():
            names += [str(p) for p in sorted(folder.iterdir()) if NAME.fullmatch(p.name)]
        if folder.name == "shims":
            names += [str(p) for p in sorted(folder.parent.glob("versions/*/bin/python3"))]
    return names
