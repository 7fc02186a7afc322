"""What nobody foresaw is told in words, of whatever kind it is."""

import os
from errno import EACCES, EDQUOT, ENOSPC
from pathlib import Path

import pytest

from runner.errors import DiskFullError, JobFolderError, RunnerLostError, UsageError
from runner.run.faults import refusal_of

PLACE = Path("out/river")


@pytest.mark.parametrize("number", [ENOSPC, EDQUOT])
def test_a_full_disk_is_told_as_one(number: int) -> None:
    assert isinstance(refusal_of(OSError(number, "full"), PLACE), DiskFullError)


def test_another_error_of_the_system_names_the_file() -> None:
    refusal = refusal_of(OSError(EACCES, "Permission denied", "out/river/logs"), PLACE)
    assert isinstance(refusal, JobFolderError)
    assert "Permission denied (out/river/logs)" in str(refusal)


def test_what_has_words_of_its_own_keeps_them() -> None:
    problem = UsageError("so it is")
    assert refusal_of(problem, PLACE) is problem


def test_a_fault_of_our_own_says_so_and_where_it_is() -> None:
    with pytest.raises(KeyError) as caught:
        _ = os.environ["NOBODY_SETS_THIS"]
    refusal = refusal_of(caught.value, PLACE)
    assert isinstance(refusal, RunnerLostError)
    assert str(refusal).startswith("stagerun itself failed: KeyError: 'NOBODY_SETS_THIS' (")
    assert ", line " in str(refusal)
