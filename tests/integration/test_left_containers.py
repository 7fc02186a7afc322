"""Containers that an engine kept although their runs are over."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.errors import EngineError
from runner.host.container import OurContainer
from runner.host.engine import DockerEngine
from tests.project_kit import Kit

pytestmark = pytest.mark.engine


@contextmanager
def left(engine: DockerEngine, job: Path, *, running: bool = False) -> Iterator[str]:
    """A container of a run that is over, as a failed removal leaves it."""
    identifier = engine.api.create_container(
        "stagerun/50_probe:main",
        entrypoint=["sleep"],
        command=["60"],
        labels={"org.stagerun.job": str(job), "org.stagerun.run": "20261121-0914-dead"},
        network_disabled=True,
    )["Id"]
    try:
        if running:
            engine.api.start(identifier)
        yield identifier
    finally:
        for container in engine.containers({"org.stagerun.job": str(job)}):
            container.remove()


def found(engine: DockerEngine, job: Path) -> set[str]:
    return {container.id for container in engine.containers({"org.stagerun.job": str(job)})}


def test_clean_removes_what_is_stopped_and_only_when_asked(
    real_kit: Kit, engine: DockerEngine
) -> None:
    job = real_kit.job()
    with left(engine, job) as identifier:
        shown = real_kit.run("clean", job)
        assert "its run 20261121-0914-dead is over" in shown.stdout, shown.stderr
        assert found(engine, job) == {identifier}
        removed = real_kit.run("clean", job, "--yes")
        assert removed.returncode == 0, removed.stderr
        assert found(engine, job) == set()


def test_clean_never_removes_a_running_container(real_kit: Kit, engine: DockerEngine) -> None:
    job = real_kit.job()
    with left(engine, job, running=True) as identifier:
        assert "nothing to clean" in real_kit.run("clean", job, "--yes").stdout
        assert found(engine, job) == {identifier}
        started_since = OurContainer(id=identifier, name="x", labels={})
        with pytest.raises(EngineError):
            engine.remove_stopped(started_since)
        assert found(engine, job) == {identifier}
