"""The stress of the ledger finds what it is there to find, and its page says it."""

from pathlib import Path

import pytest

from tests.soak.gpu_ledger import Found, Free
from tests.soak.gpu_page import BEGIN, with_figures
from tests.soak.gpu_trace import Line, Replay, Trace, What, replay
from tests.soak.page import END

LIMITS = {"GPU-0": 10, "GPU-1": 10}


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    return Trace(tmp_path / "trace.jsonl")


def tell(trace: Trace, what: What, life: str, *, alone: bool = False, **shares: int) -> None:
    named = {name.replace("_", "-"): size for name, size in shares.items()}
    at = trace.path.stat().st_size if trace.path.exists() else 0
    trace.add(Line(at=at, what=what, life=life, shares=named, alone=alone))


def get(trace: Trace, life: str, *, alone: bool = False, **shares: int) -> None:
    tell(trace, "asks", life)
    tell(trace, "has", life, alone=alone, **shares)


def test_more_than_a_gpu_has_is_found_and_what_was_given_back_does_not_count(trace: Trace) -> None:
    get(trace, "a", GPU_0=6)
    get(trace, "b", GPU_0=4, GPU_1=4)
    tell(trace, "gives", "a")
    get(trace, "c", GPU_0=6)
    assert replay(trace, LIMITS).wrong == []
    get(trace, "d", GPU_0=1)
    found = replay(trace, LIMITS)
    assert (found.granted, dict(found.most)) == (4, {"GPU-0": 11, "GPU-1": 4})
    assert len(found.wrong) == 1


def test_one_that_wants_a_gpu_alone_and_is_not_is_found(trace: Trace) -> None:
    get(trace, "a", GPU_0=1)
    get(trace, "b", GPU_0=1, alone=True)
    assert len(replay(trace, LIMITS).wrong) == 1


def test_a_killed_one_holds_nothing_whatever_it_still_told(trace: Trace) -> None:
    get(trace, "a", GPU_0=10)
    tell(trace, "is killed", "a")
    tell(trace, "asks", "b")
    tell(trace, "is killed", "b")
    tell(trace, "has", "b", GPU_0=10)
    get(trace, "c", GPU_0=10)
    found = replay(trace, LIMITS)
    assert (found.wrong, found.granted) == ([], 2)
    assert dict(found.killed) == {"it held memory": 1, "it waited": 1}


def test_the_page_has_the_newest_figures_only(trace: Trace) -> None:
    get(trace, "a", GPU_0=6)
    free = Free(median=0.001, percentile=0.002, processor=0.001)
    found = Found(
        seed=1, processes=1, seconds=1, stops=0, told=replay(trace, LIMITS), left=(), alone=free,
        beside_stale=free,
    )  # fmt: skip
    page = with_figures(f"before\n{BEGIN}{END}after\n", found, "old head")
    page = with_figures(page, found, "new head")
    assert (page.count("new head"), page.count("old head"), page.count("| longest wait")) == (
        1,
        0,
        1,
    )
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "1 reservations by 1 processes" in found.line


def test_a_wait_is_as_long_as_from_asking_to_having() -> None:
    found = Replay(LIMITS)
    found.take(Line(at=1.0, what="asks", life="a", text="a whole GPU"))
    found.take(Line(at=3.5, what="has", life="a", shares={"GPU-0": 1}))
    assert found.waits == [(2.5, "a whole GPU")]
