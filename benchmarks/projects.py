"""Small projects to time: one trivial stage, and ten that have nothing to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.series import Command, environment

ROOT: Final = Path(__file__).resolve().parents[1]
STAGERUN: Final = Path(sys.executable).with_name("stagerun")
STAGE: Final = '''\
"""Copies its input."""
import shutil
import sys
from pathlib import Path

from shared.stage_utils import StageIO

io = StageIO(job_dir=Path("/job"))
shutil.copyfile(io.input("text"), io.output("copy"))
io.finalize()
'''
SPEC: Final = """\
summary: Copies its input
parent: base
inputs: {{text: {source}}}
outputs: {{copy: {{file: copy.txt, type: text}}}}
"""


def trivial_stage(folder: Path) -> list[Command]:
    """The same stage by ``docker run``, by stagerun, and an image that does nothing."""
    project = _project(folder / "trivial", 1)
    job = _job(project)
    stage = _stage_id(0)
    (job / stage).mkdir()
    by_hand = _job(project, "by-hand")
    (by_hand / stage).mkdir()
    run = ["docker", "run", "--rm", "--user", f"{os.getuid()}:{os.getgid()}"]
    mounts = ["-v", f"{by_hand}:/job:ro", "-v", f"{by_hand / stage}:/job/{stage}"]
    image = f"stagerun/{stage}:main"
    return [
        Command(
            name="docker run --rm, the stage by hand", words=[*run, *mounts, image], folder=project
        ),
        Command(
            name="stagerun, the same stage",
            words=[str(STAGERUN), stage, str(job), "--force"],
            folder=project,
        ),
        Command(name="docker run --rm IMAGE true", words=[*run, image, "true"], folder=project),
    ]


def ten_stages(folder: Path) -> list[Command]:
    """``docker run`` of an image that does nothing, and a job of ten stages that is up to date."""
    project = _project(folder / "ten", 10)
    job = _job(project)
    _stagerun(project, "run", str(job))
    image = f"stagerun/{_stage_id(0)}:main"
    return [
        Command(
            name="docker run --rm IMAGE true",
            words=["docker", "run", "--rm", image, "true"],
            folder=project,
        ),
        Command(
            name="stagerun run, ten stages cached",
            words=[str(STAGERUN), "run", str(job)],
            folder=project,
        ),
    ]


def _stage_id(number: int) -> str:
    return f"{80 + number}_copy"


def _project(folder: Path, stages: int) -> Path:
    for number in range(stages):
        place = folder / "stages" / _stage_id(number)
        place.mkdir(parents=True)
        source = f"{_stage_id(number - 1)}/copy" if number else "input/text"
        (place / "stage.yaml").write_text(SPEC.format(source=source))
        (place / "stage.py").write_text(STAGE)
    for name in ("images", "shared"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    _stagerun(folder, "build")
    return folder


def _job(project: Path, name: str = "job") -> Path:
    job = project / "out" / name
    (job / "input").mkdir(parents=True)
    (job / "input" / "text.txt").write_text("x" * 949)
    (job / "job.yaml").write_text("input: {text: text.txt}\n")
    return job


def _stagerun(project: Path, *words: str) -> None:
    subprocess.run([str(STAGERUN), *words], cwd=project, env=environment(), check=True)
