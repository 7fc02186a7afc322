"""Many processes share the box; `tests.gpu_box.crowd` does the same with fifty of them."""

from pathlib import Path

from tests.gpu_box.box import UUIDS
from tests.gpu_box.crowd import run_crowd
from tests.nvml_stub import NvmlStub


def test_however_many_share_the_gpus_and_die_nothing_is_granted_twice(
    stub: NvmlStub, tmp_path: Path
) -> None:
    outcome = run_crowd(tmp_path, 4, 5, stub=stub, kill_every=0.2)

    assert outcome.troubles == ()
    assert len(outcome.rounds) >= 4 * 5
    assert outcome.refused == 0
    assert outcome.left == 0
    assert {uuid for item in outcome.rounds for uuid in item.shares} <= set(UUIDS)
