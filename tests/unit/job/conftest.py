"""A job directory with one input file, and a model to add to an empty store."""

from pathlib import Path
from typing import NoReturn

import pytest

from runner.events import Event
from runner.job.folder import Job, open_job
from runner.job.model_adding import add_model
from runner.project.models import NeededModel

NEEDED = NeededModel(
    stage="06_asr", key="whisper", name="whisper/small", files=(("model.bin",), ("deep/a.json",))
)
FILES = {"model.bin", "deep/a.json"}


def ignore(_: Event) -> None:
    """Nobody watches."""


def refuse(path: Path) -> NoReturn:
    msg = f"{path} was hashed again"
    raise AssertionError(msg)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    folder = tmp_path / "job1"
    (folder / "input").mkdir(parents=True)
    (folder / "input" / "text.txt").write_text("hello\n")
    (folder / "job.yaml").write_text("input: {text: text.txt}\n")
    return open_job(folder)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "downloaded"
    (folder / "deep").mkdir(parents=True)
    (folder / "model.bin").write_text("weights")
    (folder / "deep" / "a.json").write_text("{}")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("")
    return folder


def added(store: Path, source: Path) -> Path:
    add_model(store, NEEDED.name, source, ignore)
    return store / NEEDED.name
