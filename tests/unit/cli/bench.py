"""A small project, one job, and an engine in memory: runs and reports without any process."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from runner.cli.context import Context
from runner.errors import StagerunError
from runner.events import Event
from runner.host.engine_fake import FakeEngine, FakeProcess
from runner.host.gpu import Absence, Inventory
from runner.host.machine import ProcessIdentity
from runner.host.recipes import Recipes
from runner.job.folder import Job, open_job
from runner.job.job_manifest import read_entries
from runner.project.pipeline import Project, load_project
from runner.run.cancellation import Cancellation
from runner.run.outcome import Outcome
from runner.run.request import Host, RunOptions
from runner.run.scheduler import execute
from tests.project_kit import STAGES, Kit

PROBE, NEXT, LAST = STAGES
UPSTREAM: dict[str, str] = {PROBE: "input/text.txt", NEXT: "50_probe/copy.txt"}
UPSTREAM[LAST] = "51_next/copy.txt"


@dataclass(frozen=True)
class Said:
    """What a verb printed, and its exit code."""

    text: str
    code: int

    @property
    def document(self) -> Any:
        """The JSON document that was asked for."""
        return json.loads(self.text)


def write_manifest(folder: Path, **changes: object) -> None:
    """A manifest as the stage library writes it."""
    stage = folder.name
    manifest = {
        "stage": stage.split("_", 1)[1],
        "stage_number": int(stage.split("_")[0]),
        "status": "success",
        "inputs": [],
        "outputs": [{"type": "text", "path": f"{stage}/copy.txt"}],
        **changes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def copy_input(process: FakeProcess) -> int:
    """Do what the probe stages do."""
    stage = process.spec.environment["STAGERUN_STAGE"]
    folder = process.path(f"/job/{stage}")
    text = process.path(f"/job/{UPSTREAM[stage]}").read_text()
    (folder / "copy.txt").write_text(text)
    (folder / "stage.log").write_text("[12:00:00] [stage.probe] [INFO] copied\n")
    process.print("printed by the program")
    write_manifest(folder)
    return 0


def fail(process: FakeProcess) -> int:
    """End with exit code 3 and a manifest that says why, with an attempt to steer the terminal."""
    folder = process.path(f"/job/{process.spec.environment['STAGERUN_STAGE']}")
    errors = ["the \x1b[31mfilm\x1b[0m is damaged"]
    write_manifest(folder, status="failed", outputs=[], errors=errors)
    return 3


@dataclass
class Bench:
    """A project whose images are in the fake engine, and a job."""

    kit: Kit
    engine: FakeEngine = field(default_factory=FakeEngine)
    inventory: Inventory = field(
        default_factory=lambda: Inventory(absence=Absence.NO_DEVICE, detail="there is no GPU")
    )
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.job: Job = open_job(self.kit.job())
        for stage_id in STAGES:
            self.have_image(stage_id)

    @property
    def project(self) -> Project:
        """The project as its files are now."""
        return load_project(self.kit.root)

    @property
    def host(self) -> Host:
        """This machine with the fake engine."""
        return Host(
            engine=self.engine,
            inventory=lambda: self.inventory,
            cancellation=Cancellation(),
            identity=ProcessIdentity.current(),
        )

    def have_image(
        self,
        stage_id: str,
        program: Callable[[FakeProcess], int] = copy_input,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Give the engine an image made of the stage's present sources."""
        recipe = Recipes(self.project).stage(self.project.stages[stage_id])
        self.engine.add(recipe.image, program, recipe.labels("kit") if labels is None else labels)

    def does(self, stage_id: str, program: Callable[[FakeProcess], int]) -> None:
        """Let the same image run another program."""
        recipe = Recipes(self.project).stage(self.project.stages[stage_id])
        self.engine.stages[self.engine.images[recipe.image].digest] = program

    def run(self, stage_id: str = PROBE, **options: Any) -> Outcome:
        """Run one stage."""
        return execute(
            stage_id,
            self.project,
            open_job(self.job.root),
            self.host,
            RunOptions(**options),
            self.events.append,
        )

    def run_all(self) -> None:
        """Run the three stages."""
        for stage_id in STAGES:
            assert self.run(stage_id).good

    def entry(self, stage_id: str = PROBE) -> dict[str, Any]:
        """What the job manifest says of a stage."""
        return read_entries(self.job)[stage_id]

    def say(self, command: click.Command, *words: str | Path) -> Said:
        """Call a verb; an error is its text and its exit code."""
        context = Context(project_folder=self.kit.root)
        context.host = self.host
        context.engine = self.engine  # type: ignore[assignment]  # the fake keeps the promises
        result = CliRunner().invoke(
            command, [str(word) for word in words], obj=context, standalone_mode=False
        )
        if isinstance(result.exception, StagerunError):
            return Said(result.output + str(result.exception), result.exception.exit_code)
        if result.exception is not None:
            raise result.exception
        return Said(result.output, result.return_value or 0)
