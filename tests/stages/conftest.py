"""The stages' own modules for unit tests, and films and containers for the others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from runner.host.engine import DockerEngine
from tests.stages.containers import ROOT, Stages

# As in an image, where a stage runs as a script from its own folder. The modules' names differ
# between stages; stage.py itself is only ever run, never imported.
sys.path[:0] = [str(path.parent) for path in sorted((ROOT / "stages").glob("*/stage.yaml"))]


@pytest.fixture(scope="session")
def stages(engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    """The stages of the working tree, ready to run in containers."""
    assert engine is not None  # asked for because it skips where there is none
    client = docker.from_env()
    stages = Stages(client, tmp_path_factory.mktemp("app"))
    if not stages.has_images():
        pytest.skip("needs the parent images: stagerun build")
    yield stages
    client.close()


@pytest.fixture(scope="session")
def films(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the films that tests/media/recipes.py makes."""
    folder = tmp_path_factory.mktemp("films")
    stages.in_ffmpeg_image(["python3", "/media/recipes.py", "/films"], folder)
    return folder


@pytest.fixture(scope="session")
def mixes(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what tests/media/voices.py makes, mixes included."""
    folder = tmp_path_factory.mktemp("mixes")
    stages.in_ffmpeg_image(["python3", "/media/voices.py", "/films", "mixes"], folder)
    return folder
