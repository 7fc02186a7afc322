"""Fixtures for the tests of the verbs."""

import pytest

from tests.project_kit import Kit
from tests.unit.cli.bench import Bench


@pytest.fixture
def bench(kit: Kit) -> Bench:
    """A project with images, and a job in which nothing has run."""
    return Bench(kit)
