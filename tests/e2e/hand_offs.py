"""Jobs that begin in the middle: one stage, with files of the demo or changed ones before it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runner.project.pipeline import JOB_INPUT, Project, load_project
from runner.project.stage import Source
from tests.e2e.conftest import Demo
from tests.project_kit import ROOT, run_stagerun

PROJECT: Final[Project] = load_project(ROOT)


@dataclass(frozen=True)
class Edge:
    """One source of one input of a stage, as stage.yaml has it."""

    stage: str
    input: str
    source: Source
    before: tuple[Source, ...]

    def __str__(self) -> str:
        return f"{self.source} → {self.stage}/{self.input}"


def edges() -> list[Edge]:
    """Every hand-off of the project."""
    return [
        Edge(stage.id, item.name, source, item.sources[:index])
        for stage in PROJECT.stages.values()
        for item in stage.inputs
        for index, source in enumerate(item.sources)
    ]


def record_of(job: Path, stage: str) -> dict[str, Any]:
    """The record of the run whose result is in force."""
    entry = json.loads((job / "manifest.json").read_text())["stages"][stage]
    found: dict[str, Any] = json.loads(
        (job / ".stagerun" / "runs" / entry["good_run_id"] / "record.json").read_text()
    )
    return found


def results(job: Path, source: Source) -> list[Path]:
    """The files of a stage's output, or of the job's input."""
    if source.stage == JOB_INPUT:
        return sorted((job / "input").glob(f"*{source.output}*"))
    entry = json.loads((job / "manifest.json").read_text())["stages"][source.stage]
    return [job / item["path"] for item in entry["outputs"] if item["name"] == source.output]


class Middle:
    """Runs single stages in new jobs whose earlier results are the demo's, or changed."""

    def __init__(self, demo: Demo, folder: Path) -> None:
        self._demo = demo
        self._folder = folder
        self._count = 0

    def run(
        self,
        stage: str,
        changed: Mapping[str, Path] | None = None,
        *,
        without: tuple[str, ...] = (),
        inputs: Mapping[str, Path] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Path:
        """The job after the stage has run; ``changed`` replaces results by ``stage/output``.

        ``without`` names results that the job shall not have.
        """
        self._count += 1
        job = self._folder / f"job-{self._count}"
        words: list[str] = []
        for item in PROJECT.stages[stage].inputs:
            for source in item.sources:
                if str(source) in without:
                    continue
                words += self._words(source, (changed or {}).get(str(source)), inputs or {})
        for key, value in (settings or {}).items():
            words += ["--set", f"{key}={value}"]
        begun = run_stagerun("init", job, *words)
        assert begun.returncode == 0, begun.stderr
        run = run_stagerun(stage, job, "--wait", "10m")
        assert run.returncode == 0, run.stdout + run.stderr
        return job

    def _words(self, source: Source, changed: Path | None, inputs: Mapping[str, Path]) -> list[str]:
        if source.stage == JOB_INPUT:
            file = inputs.get(source.output) or self._demo.inputs.get(source.output)
            return ["--input", f"{source.output}={file}"] if file else []
        files = [changed] if changed else results(self._demo.job, source)
        return [word for file in files for word in ("--have", f"{source}={file}")]

    def change(self, source: str, edit: Callable[[Any], Any]) -> dict[str, Path]:
        """A changed copy of the demo's JSON result, as ``run`` takes it."""
        stage, output = source.split("/")
        (original,) = results(self._demo.job, Source(stage=stage, output=output))
        self._count += 1
        folder = self._folder / f"changed-{self._count}"
        folder.mkdir()
        copy = folder / original.name
        copy.write_text(json.dumps(edit(json.loads(original.read_text()))))
        return {source: copy}
