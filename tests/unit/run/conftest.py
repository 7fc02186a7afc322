"""A project, a job and an engine in memory, on which whole runs take milliseconds."""

import json
import textwrap
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runner.errors import Verdict
from runner.events import Event, StageFinished
from runner.host.container import ContainerSpec
from runner.host.engine_fake import FakeEngine, FakeProcess
from runner.host.gpu import Absence, Gpu, Inventory
from runner.host.machine import ProcessIdentity
from runner.host.recipes import Recipes
from runner.job.folder import Job, open_job
from runner.job.job_manifest import read_entries
from runner.project.pipeline import Project, load_project
from runner.run.cancellation import Cancellation
from runner.run.outcome import Outcome
from runner.run.request import Host, RunOptions
from runner.run.scheduler import execute
from tests.project_kit import STAGE_CODE, STAGE_YAML, STAGES, Kit, make_kit

PROBE, NEXT, LAST = STAGES
SIDE = "60_side"
IDENTITY = ProcessIdentity(pid=1, started=1, boot_id="boot", machine_id="machine")
NO_GPU = Inventory(absence=Absence.NO_DEVICE, detail="this machine has none")
GPU = Gpu(
    uuid="GPU-1",
    index=0,
    name="Fake",
    driver_version="1",
    memory_total_bytes=8 << 30,
    memory_used_bytes=0,
)
Program = Callable[[FakeProcess], int]


def stage_of(process: FakeProcess) -> str:
    """The id of the stage that a container runs."""
    return process.spec.environment["STAGERUN_STAGE"]


def request_of(process: FakeProcess) -> dict[str, Any]:
    """What the runner handed in, read as the stage library does."""
    run_id = process.spec.environment["STAGERUN_RUN_ID"]
    path = process.path(f"/job/.stagerun/runs/{run_id}/request.json")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def write_manifest(process: FakeProcess, status: str = "success", **parts: Any) -> None:
    """A manifest as a stage would leave it."""
    stage_id = stage_of(process)
    number, _, name = stage_id.partition("_")
    document = {
        "stage": name,
        "stage_number": int(number),
        "stage_id": stage_id,
        "run_id": process.spec.environment["STAGERUN_RUN_ID"],
        "status": status,
        "timestamp": datetime.now(UTC).isoformat(),
        "inputs": [],
        "outputs": [{"type": "text", "path": f"{stage_id}/copy.txt"}],
        **parts,
    }
    process.path(f"/job/{stage_id}/manifest.json").write_text(json.dumps(document))


def copy(process: FakeProcess) -> int:
    """What every probe stage does: its input is its output."""
    (source,) = request_of(process)["inputs"]["text"]
    text = process.path(f"/job/{source['path']}").read_text()
    process.path(f"/job/{stage_of(process)}/copy.txt").write_text(text)
    write_manifest(process)
    return 0


def fail(process: FakeProcess) -> int:
    """A stage that says so when it failed."""
    write_manifest(process, "failed", outputs=[], errors=["it did not work"])
    return 1


@dataclass
class Place:
    """Everything that a run needs, and what came of it."""

    kit: Kit
    engine: FakeEngine = field(default_factory=FakeEngine)
    cancellation: Cancellation = field(default_factory=Cancellation)
    inventory: Inventory = NO_GPU
    identity: ProcessIdentity = IDENTITY
    programs: dict[str, Program] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def project(self) -> Project:
        return load_project(self.kit.root)

    @property
    def host(self) -> Host:
        return Host(
            engine=self.engine,
            inventory=lambda: self.inventory,
            cancellation=self.cancellation,
            identity=self.identity,
        )

    def emit(self, event: Event) -> None:
        with self.guard:
            self.events.append(event)

    def build(self) -> None:
        """Give the engine an image of every stage and variant, as new as its sources."""
        project = self.project
        recipes = Recipes(project)
        for stage in project.stages.values():
            for variant in stage.parents:
                recipe = recipes.stage(stage, variant)
                self.engine.add(recipe.image, self.program, recipe.labels("test"))

    def program(self, process: FakeProcess) -> int:
        return self.programs.get(stage_of(process), copy)(process)

    def job(self, name: str = "job", text: str = "hello\n", more: str = "") -> Job:
        return open_job(self.kit.job(name, text, textwrap.dedent(more)))

    def run(self, job: Job, stage: str = PROBE, **options: Any) -> Outcome:
        """One stage, with everything read anew as in a later call."""
        return execute(
            stage, self.project, Job(job.root), self.host, RunOptions(**options), self.emit
        )

    def said(self, stage: str = PROBE) -> str:
        """What the user was told about the last end of a stage."""
        ends = [item for item in self.events if isinstance(item, StageFinished)]
        last = next(item for item in reversed(ends) if item.stage == stage)
        return "\n".join((last.summary, *last.details, *last.warnings))

    def on_another_machine(self) -> None:
        self.identity = replace(self.identity, machine_id="another")


def entry_of(job: Job, stage: str = PROBE) -> Mapping[str, Any]:
    """What the job manifest says of a stage."""
    return read_entries(job)[stage]


def copy_of(job: Job, stage: str = PROBE) -> str:
    """The output of a probe stage."""
    return (job.stage_folder(stage) / "copy.txt").read_text()


def record_of(job: Job, run_id: str | None) -> dict[str, Any]:
    """A run's record as it lies on disk."""
    assert run_id is not None
    record: dict[str, Any] = json.loads((job.run_folder(run_id) / "record.json").read_text())
    return record


def a_good_run_and(place: Place, job: Job, program: Program, **options: Any) -> Outcome:
    """First a good run, then a forced one of another program."""
    assert place.run(job).verdict is Verdict.SUCCESS
    place.programs[PROBE] = program
    return place.run(job, force=True, **options)


def with_a_side_branch(place: Place) -> None:
    """A stage that reads what 51_next reads, and a workflow that wants both ends."""
    folder = place.kit.root / "stages" / SIDE
    folder.mkdir()
    (folder / "stage.yaml").write_text(STAGE_YAML.format(source=f"{PROBE}/copy"))
    (folder / "stage.py").write_text(STAGE_CODE.format(stage=SIDE))
    place.kit.settings(
        f"workflows: {{all: [{LAST}/copy, {SIDE}/copy]}}\nlimits: {{stages_at_once: 64}}\n"
    )
    place.build()


def declare(place: Place, more: str, stage: str = PROBE) -> None:
    source = "input/text" if stage == PROBE else f"{PROBE}/copy"
    place.kit.spec(stage, STAGE_YAML.format(source=source) + more)
    place.build()


def ran(place: Place, job: Job, stage: str = PROBE, **options: object) -> ContainerSpec:
    outcome = place.run(job, stage, **options)
    assert outcome.verdict is Verdict.SUCCESS, place.said(stage)
    return place.engine.created[-1].spec


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(make_kit(tmp_path / "project"))
    made.build()
    return made


@pytest.fixture
def job(place: Place) -> Job:
    return place.job()
