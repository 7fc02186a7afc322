"""Each stage's image on the stage's own fixture, through the runner and its whole sandbox."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import docker
import pytest
import yaml

from runner.host.engine import DockerEngine
from runner.project.pipeline import load_project
from tests.project_kit import ROOT, run_stagerun

PROJECT: Final = load_project(ROOT)

pytestmark = [pytest.mark.images, pytest.mark.engine]


@dataclass(frozen=True)
class Fixture:
    """A small job for one stage, and what must come of it; see docs/stages.md."""

    stage: str
    input: dict[str, str] = field(default_factory=dict)
    have: dict[str, str | list[str]] = field(default_factory=dict)
    config: dict[str, str] = field(default_factory=dict)
    make: str = ""
    make_in: str = ""
    expect: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return PROJECT.stages[self.stage].folder / "fixture"

    @property
    def parent(self) -> str:
        """The image in which the fixture's files are made."""
        return self.make_in or next(iter(PROJECT.stages[self.stage].parents.values())).image


def load_fixture(stage: str) -> Fixture:
    text = (PROJECT.stages[stage].folder / "fixture" / "fixture.yaml").read_text(encoding="utf-8")
    return Fixture(stage=stage, **yaml.safe_load(text))


def make_files(fixture: Fixture, folder: Path, engine: DockerEngine) -> None:
    """Lets the fixture's recipe write its files, where the programs are that it needs."""
    if not fixture.make:
        return
    client = docker.DockerClient(base_url=engine.address)
    try:
        client.containers.run(
            f"stagerun/parent-{fixture.parent}:current",
            ["python3", f"/fixture/{fixture.make}", "/made"],
            mounts=[
                docker.types.Mount("/fixture", str(fixture.folder), type="bind", read_only=True),
                docker.types.Mount("/made", str(folder), type="bind"),
            ],
            user=f"{os.getuid()}:{os.getgid()}",
            environment={"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"},
            network_mode="none",
            remove=True,
        )
    finally:
        client.close()


def find_file(fixture: Fixture, made: Path, name: str) -> Path:
    if name.startswith("//"):
        return ROOT / name[2:]
    return made / name if (made / name).exists() else fixture.folder / name


def init_words(fixture: Fixture, made: Path) -> list[str]:
    words = []
    for option, files in (("--input", fixture.input), ("--have", fixture.have)):
        for key, names in files.items():
            for name in names if isinstance(names, list) else [names]:
                words += [option, f"{key}={find_file(fixture, made, name)}"]
    for key, value in fixture.config.items():
        words += ["--set", f"{key}={value}"]
    return words


def check_outputs(fixture: Fixture, job: Path) -> None:
    entry = json.loads((job / "manifest.json").read_text())["stages"][fixture.stage]
    assert entry["verdict"] == fixture.expect["verdict"]
    for name, count in fixture.expect.get("outputs", {}).items():
        found = [output["path"] for output in entry["outputs"] if output["name"] == name]
        assert len(found) == count, (name, found)
    for file, texts in fixture.expect.get("contains", {}).items():
        content = (job / fixture.stage / file).read_text(encoding="utf-8").lower()
        for text in texts:
            assert text.lower() in content, (file, text)


@pytest.mark.parametrize("stage", PROJECT.stage_ids)
def test_the_stage_does_its_work_on_its_fixture(
    engine: DockerEngine, tmp_path: Path, stage: str
) -> None:
    fixture = load_fixture(stage)
    made, job = tmp_path / "made", tmp_path / "job"
    made.mkdir()
    make_files(fixture, made, engine)
    begun = run_stagerun("init", job, *init_words(fixture, made))
    assert begun.returncode == 0, begun.stderr
    run = run_stagerun(stage, job, "--wait", "10m")
    assert run.returncode == 0, run.stdout + run.stderr
    check_outputs(fixture, job)
