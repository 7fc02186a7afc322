"""Fixtures of the tests with real containers: each test is held to leaving nothing behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.leaks import nothing_left_behind, reachable_folder


@pytest.fixture(autouse=True)
def clean(tmp_path: Path) -> Iterator[None]:
    """No container, no process, and no file of somebody else is left after any test."""
    with nothing_left_behind(tmp_path):
        yield


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own are the caller's alone."""
    with reachable_folder() as folder:
        yield folder
