"""The guard that keeps unit tests from starting processes."""

import os
import subprocess
from typing import Protocol

import pytest


class Guard(Protocol):
    refused: list[str]


def test_a_unit_test_that_runs_a_program_is_refused(no_processes: Guard) -> None:
    with pytest.raises(RuntimeError, match="starts no process"):
        subprocess.run(["true"], check=False)
    assert no_processes.refused
    no_processes.refused.clear()


def test_a_unit_test_that_forks_is_refused(no_processes: Guard) -> None:
    with pytest.raises(RuntimeError, match="starts no process"):
        os.fork()
    no_processes.refused.clear()
