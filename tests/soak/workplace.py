"""Where the soak's jobs lie: a small project, a stage that follows a plan, jobs to begin with."""

import json
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

from tests.project_kit import STAGE_YAML, Kit, build_kit_images, make_kit
from tests.soak.fault import Fault
from tests.soak.faulty_stagerun import Call, all_ended

STAGE: Final = "50_probe"
CALL_SECONDS: Final = 120.0
PROGRAM: Final = '''\
"""Does what the plan in the job's input says, and tells its run's id in all that it leaves."""
import json
import os
import sys
import time
from pathlib import Path

from shared.stage_utils import StageIO

plan = json.loads(Path("/job/input/plan.json").read_text())
run = os.environ["STAGERUN_RUN_ID"]
io = StageIO("50_probe", Path("/job"), enable_manifest=True)
logger = io.get_stage_logger()
assert io.secret("token") == "of the soak"
for number in range(plan["lines"]):
    logger.info("%s says %d", run, number)
    logger.debug("%s whispers %d", run, number)
    print(run, "prints", number, flush=True)
    time.sleep(plan["seconds"] / plan["lines"])
io.output("copy").write_text(f"{run}\\n")
if plan["end"] == "undeclared":
    (io.stage_dir / "more.txt").write_text("more")
if plan["end"] == "raises":
    raise RuntimeError("as planned")
io.finalize(status="failed" if plan["end"] == "failed" else "success")
sys.exit({"exits": 3, "failed": 1}.get(plan["end"], 0))
'''
ENDS: Final = {
    "success": (0, "success"),
    "exits": (3, "stage_failed"),
    "failed": (1, "stage_failed"),
    "raises": (1, "stage_failed"),
    "undeclared": (0, "contract_violation"),
}
"""What a plan's end means: the container's exit code and the verdict."""


@dataclass(frozen=True)
class Plan:
    """What the stage does: how many lines it tells, in how many seconds, and how it ends."""

    end: str = "success"
    seconds: float = 0.05
    lines: int = 4

    @property
    def exit_code(self) -> int:
        """That of its container."""
        return ENDS[self.end][0]

    @property
    def verdict(self) -> str:
        """What the runner has to make of it."""
        return ENDS[self.end][1]


@dataclass(frozen=True)
class Workplace:
    """A project whose stage follows plans, on the machine's own engine or on that at an address."""

    kit: Kit
    engine: str | None = None

    @property
    def root(self) -> Path:
        """All that the soak writes is below it."""
        return self.kit.root

    def job(self, name: str, like: str | None = None) -> Path:
        """A job to begin with: new, or a copy of another one."""
        if like is None:
            return self.kit.job(name)
        job = self.root / "out" / name
        shutil.copytree(self.root / "out" / like, job)
        return job

    def forget(self, job: Path) -> None:
        """Remove a job that is over."""
        shutil.rmtree(job)
        with suppress(FileNotFoundError):
            self.said(job).unlink()

    def said(self, job: Path) -> Path:
        """The file with all that the calls on a job printed."""
        return self.root / "said" / f"{job.name}.txt"

    def start(
        self, job: Path, *words: str, fault: Fault | None = None, trace: Path | None = None
    ) -> ForkServerProcess:
        """A call on a job's stage, in the background: ``words`` may begin with ``restore``."""
        is_run = words[:1] != ("restore",)
        line = (STAGE, str(job), *words, "--dev") if is_run else (*words, STAGE, str(job))
        return Call(line, self.root, job, self.said(job), fault, trace, self.engine).start()

    def call(self, job: Path, *words: str) -> int | None:
        """A call to its end; returns the exit code, that of SIGKILL for one that hangs."""
        return all_ended([self.start(job, *words)], CALL_SECONDS)[0]


def give_plan(job: Path, plan: Plan) -> None:
    """Say what the stage shall do in this job from now on."""
    (job / "input" / "plan.json").write_text(json.dumps(asdict(plan)))


def make_workplace(
    folder: Path, *, stages_at_once: int = 64, engine: str | None = None
) -> Workplace:
    """Set up the project, its images, and the jobs ``good`` and ``failed`` to copy from."""
    kit = make_kit(folder)
    build_kit_images(kit)
    (folder / "token").write_text("of the soak")
    kit.settings(
        f"limits: {{stages_at_once: {stages_at_once}, stop_grace: 2s}}\nsecrets: {{token: token}}\n"
    )
    kit.spec(STAGE, STAGE_YAML.format(source="input/text") + "secrets: [token]\n")
    kit.code(STAGE, PROGRAM)
    place = Workplace(kit, engine)
    (folder / "said").mkdir()
    for name, like, plan in (("good", None, Plan()), ("failed", "good", Plan("exits"))):
        job = place.job(name, like)
        give_plan(job, plan)
        place.call(job, "--force")
    return place
