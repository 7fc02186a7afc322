"""Runs the project's stages on one recording after the other, through the command line."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import docker

from benchmarks.series import environment

ROOT: Final = Path(__file__).resolve().parents[1]
STAGERUN: Final = Path(sys.executable).with_name("stagerun")
SEPARATION: Final = "04_source_separation"


@dataclass(frozen=True)
class Done:
    """A job that was run, and how long the command took."""

    folder: Path
    seconds: float

    def read(self, file: str) -> Any:
        """A JSON file of the job."""
        return json.loads((self.folder / file).read_text(encoding="utf-8"))

    def words(self, stage: str) -> list[dict[str, Any]]:
        """All words that a stage's transcript has."""
        segments = self.read(f"{stage}/segments.json")["segments"]
        return [word for segment in segments for word in segment["words"]]

    def text(self, stage: str) -> str:
        """What a stage's transcript says."""
        segments = self.read(f"{stage}/segments.json")["segments"]
        return " ".join(segment["text"] for segment in segments)

    @cached_property
    def stages(self) -> dict[str, Any]:
        """What the job's manifest says of each stage."""
        found: dict[str, Any] = self.read("manifest.json")["stages"]
        return found

    @property
    def separation(self) -> str:
        """How the speech was separated."""
        if self.stages[SEPARATION]["verdict"] == "skipped":
            return "off"
        return str(self.read(f"{SEPARATION}/separation.json")["method"])


@dataclass(frozen=True)
class Workshop:
    """A folder with recordings, and the jobs made of them."""

    folder: Path

    def make_recordings(self) -> None:
        """Lets the ffmpeg image speak and play."""
        made = self.folder / "recordings"
        made.mkdir()
        places = {ROOT / "benchmarks": "/project/benchmarks"}
        places[ROOT / "tests" / "media"] = "/project/tests/media"
        mounts = [
            docker.types.Mount(target, str(source), type="bind", read_only=True)
            for source, target in places.items()
        ]
        mounts.append(docker.types.Mount("/made", str(made), type="bind"))
        client = docker.from_env()
        client.containers.run(
            "stagerun/parent-ffmpeg:current",
            ["python3", "-m", "benchmarks.quality_media", "/made"],
            mounts=mounts,
            working_dir="/project",
            user=f"{os.getuid()}:{os.getgid()}",
            environment={"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"},
            network_mode="none",
            remove=True,
        )
        client.close()

    def recording(self, name: str) -> Path:
        """The sound of a recording."""
        flac = self.folder / "recordings" / f"{name}.flac"
        return flac if flac.exists() else flac.with_suffix(".wav")

    def said(self, name: str) -> Any:
        """What is said in a recording, and when."""
        path = self.folder / "recordings" / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8"))

    def job(
        self,
        name: str,
        *words: str,
        run: Sequence[str],
        inputs: Mapping[str, Path] = MappingProxyType({}),
        separates: bool = True,
    ) -> Done:
        """Runs a command on a new job; raises RuntimeError when a stage fails."""
        folder = self.folder / "jobs" / name
        files = [word for key, file in inputs.items() for word in ("--input", f"{key}={file}")]
        _stagerun("init", str(folder), *files, *words)
        if not separates:
            with (folder / "job.yaml").open("a", encoding="utf-8") as settings:
                settings.write(f"stages: {{{SEPARATION}: {{enabled: false}}}}\n")
        begun = time.perf_counter()
        _stagerun(run[0], str(folder), *run[1:], "--wait")
        return Done(folder, time.perf_counter() - begun)


def _stagerun(*words: str) -> None:
    run = subprocess.run(
        [str(STAGERUN), *words],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        message = f"stagerun {' '.join(words)} ended with {run.returncode}: {run.stdout[-2000:]}"
        raise RuntimeError(message + run.stderr[-2000:])
