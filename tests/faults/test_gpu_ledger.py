"""A short stress of the ledger of GPU memory: processes that reserve and are killed at random."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.nvml_stub import why_no_stub
from tests.project_kit import ROOT

SIZE = ("--processes", "10", "--reservations", "5", "--free-times", "20", "--seed", "20261129")


@pytest.mark.skipif(why_no_stub() is not None, reason=str(why_no_stub()))
def test_kills_at_random_neither_overcommit_a_gpu_nor_leave_a_reservation(
    record_property: Callable[[str, object], None],
) -> None:
    command = [sys.executable, "-m", "tests.soak.gpu_ledger", *SIZE]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    record_property("GPU ledger", ended.stdout.strip())
    assert ended.returncode == 0, ended.stdout + ended.stderr
