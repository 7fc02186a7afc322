"""Fixtures of the tests with bad input: each test is held to leaving nothing behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.leaks import nothing_left_behind


@pytest.fixture(autouse=True)
def clean(tmp_path: Path) -> Iterator[None]:
    """No container, no process, and no file of somebody else is left after any test."""
    with nothing_left_behind(tmp_path):
        yield
