"""A small project with probe stages, for tests that run real or fake containers.

The stages ``50_probe``, ``51_next`` and ``52_last`` copy their input; a test replaces the code of a
stage and runs it with ``dev``, so that their images are built once only.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
STAGERUN: Final = Path(sys.executable).with_name("stagerun")
STAGES: Final = ("50_probe", "51_next", "52_last")

STAGE_YAML: Final = """\
summary: Copies its input
parent: base
inputs:
  text: {source}
outputs:
  copy: {{file: copy.txt, type: text}}
resources: {{cpus: 1, memory: 128MiB, tmp: 16MiB, pids: 64, timeout: 60s}}
"""
STAGE_CODE: Final = '''\
"""Copies its input."""
import os
import shutil
import sys
from pathlib import Path

from shared.stage_utils import StageIO


def run_stage(job_dir: Path, stage_name: str = "{stage}") -> int:
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    shutil.copyfile(io.input("text"), io.output("copy"))
    logger.info("copied")
    io.finalize(status="success")
    return 0


if __name__ == "__main__":
    sys.exit(run_stage(Path(os.environ.get("OUTPUT_DIR", "out"))))
'''
OWN_GPUS: Final = "gpu: {ledger: .gpus, learnt: .learnt}\n"
"""No test reserves GPU memory where the machine's runs do, or another test's."""

SETTINGS: Final = f"""\
workflows: {{copy: [52_last/copy], first: [50_probe/copy]}}
limits: {{stages_at_once: 64, stop_grace: 2s}}
{OWN_GPUS}"""


def run_stagerun(
    *words: str | Path, project: Path = ROOT, timeout: float = 300, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """The command line, in a project, with its output as text."""
    return subprocess.run(
        [str(STAGERUN), *map(str, words)],
        cwd=project,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@dataclass(frozen=True)
class Kit:
    """A project folder with probe stages."""

    root: Path

    def code(self, stage: str, body: str) -> None:
        """Replace a stage's whole program."""
        (self.root / "stages" / stage / "stage.py").write_text(textwrap.dedent(body))

    def spec(self, stage: str, text: str) -> None:
        """Replace a stage's stage.yaml."""
        (self.root / "stages" / stage / "stage.yaml").write_text(textwrap.dedent(text))

    def settings(self, text: str) -> None:
        """Replace stagerun.yaml, but for what is said of GPUs where the text says nothing."""
        text = textwrap.dedent(text)
        if "gpu:" not in text:
            text = f"{text.rstrip()}\n{OWN_GPUS}"
        (self.root / "stagerun.yaml").write_text(text)

    def job(self, name: str = "job", text: str = "hello\n", more: str = "") -> Path:
        """A job directory with one input file; ``more`` are further lines of job.yaml."""
        folder = self.root / "out" / name
        (folder / "input").mkdir(parents=True)
        (folder / "input" / "text.txt").write_text(text)
        (folder / "job.yaml").write_text("input: {text: text.txt}\n" + textwrap.dedent(more))
        return folder

    def run(
        self, *words: str | Path, timeout: float = 120, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """The command line, in this project, with its output as text."""
        return run_stagerun(*words, project=self.root, timeout=timeout, **environment)


def make_kit(folder: Path) -> Kit:
    """Write the project; nothing is built."""
    for stage, source in zip(STAGES, ("input/text", "50_probe/copy", "51_next/copy"), strict=True):
        place = folder / "stages" / stage
        place.mkdir(parents=True)
        (place / "stage.yaml").write_text(STAGE_YAML.format(source=source))
        (place / "stage.py").write_text(STAGE_CODE.format(stage=stage))
    for name in ("images", "shared"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "stagerun.yaml").write_text(SETTINGS)
    return Kit(folder)


def build_kit_images(kit: Kit) -> None:
    """Build the images of the probe stages unless they are there; several callers take turns."""
    lock = Path(tempfile.gettempdir()) / f"stagerun-kit-{os.geteuid()}.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        built = kit.run("build", *STAGES, timeout=900)
    assert built.returncode == 0, built.stdout + built.stderr
