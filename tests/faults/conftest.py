"""Fixtures of the tests with bad input: each test is held to leaving nothing behind."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.calls import call, program
from tests.faults.leaks import nothing_left_behind, reachable_folder
from tests.project_kit import Kit, make_kit


@pytest.fixture(autouse=True)
def clean(tmp_path: Path) -> Iterator[None]:
    """No container, no process, and no file of somebody else is left after any test."""
    with nothing_left_behind(tmp_path):
        yield


@pytest.fixture(scope="session")
def good_job(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A job whose first stage has a good result, to be copied."""
    request.getfixturevalue("engine")
    request.getfixturevalue("kit_images")
    own = tmp_path_factory.mktemp("good")
    kit = make_kit(own / "project")
    kit.code("50_probe", program())
    folder = kit.job()
    first = call(kit, folder, XDG_CACHE_HOME=str(own), XDG_RUNTIME_DIR=str(own))
    assert first.code == 0, first.text
    return folder


@pytest.fixture
def job(real_kit: Kit, good_job: Path) -> Path:
    """A job of the test's own whose first stage has a good result."""
    folder = real_kit.root / "out" / "job"
    shutil.copytree(good_job, folder)
    return folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own are the caller's alone."""
    with reachable_folder() as folder:
        yield folder
