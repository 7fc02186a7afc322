"""What of a GPU is whose: nothing is counted twice, and nothing is forgotten."""

from dataclasses import replace

import pytest

from runner.gpu.account import Account, account, has_returned
from runner.gpu.reservation import Reservation, State
from runner.host.nvml import Gpu, GpuProcess
from tests.unit.gpu.kit import GIB, entry, gpu

CONTAINERS = {"box-a": {100, 101}, "box-b": {200}}


def account_of(found: Gpu, *entries: Reservation, head_room: int = 0) -> Account:
    return account(
        found,
        entries,
        head_room * GIB,
        lambda pid, container: pid in CONTAINERS.get(container, ()),
    )


def test_what_a_run_reserved_and_already_holds_is_counted_once() -> None:
    found = account_of(gpu(used=5, processes=((100, 4),)), entry("a", {0: 10}, container="box-a"))
    assert (found.reserved_bytes, found.held_bytes) == (10 * GIB, 4 * GIB)
    assert found.strangers_bytes == 1 * GIB
    assert found.free_bytes == 13 * GIB


def test_what_a_run_holds_beyond_its_reservation_is_not_free() -> None:
    found = account_of(gpu(used=14, processes=((100, 14),)), entry("a", {0: 10}, container="box-a"))
    assert (found.reserved_bytes, found.free_bytes) == (14 * GIB, 10 * GIB)


def test_memory_of_strangers_and_of_the_driver_is_not_free_and_its_processes_are_named() -> None:
    found = account_of(gpu(used=7, processes=((900, 6),)), entry("a", {0: 10}, container="box-a"))
    assert found.strangers == (GpuProcess(900, 6 * GIB),)
    assert (found.strangers_bytes, found.free_bytes) == (7 * GIB, 7 * GIB)


def test_head_room_is_never_granted() -> None:
    assert account_of(gpu(used=1), head_room=2).free_bytes == 21 * GIB


def test_who_waits_has_reserved_nothing_yet() -> None:
    waiting = entry("a", {0: 20}, state=State.WAITING)
    assert account_of(gpu(), waiting).free_bytes == 24 * GIB


def test_a_process_whose_memory_the_driver_does_not_tell_has_what_its_run_reserved() -> None:
    found = replace(gpu(used=9), processes=(GpuProcess(100, None), GpuProcess(101, None)))
    accounted = account_of(found, entry("a", {0: 8}, container="box-a"))
    assert (accounted.held_bytes, accounted.strangers_bytes) == (8 * GIB, 1 * GIB)


def test_a_gpu_that_does_not_tell_its_memory_has_no_figure_that_could_be_believed() -> None:
    assert account_of(replace(gpu(), memory_used_bytes=None)).free_bytes is None


def test_what_a_run_can_have_alone_leaves_out_what_neither_ends_nor_is_known() -> None:
    """The driver's own memory, a screen, and what nobody is said to have; not who computes."""
    found = gpu(used=15, reserved=1, processes=((900, 8),), drawing=((901, 3),))
    assert account_of(found, head_room=2).lone_bytes == 15 * GIB
    assert account_of(found, head_room=2).largest_bytes == 21 * GIB
    untold = replace(found, processes=(*found.processes, GpuProcess(902, None)))
    assert account_of(untold, head_room=2).lone_bytes == 21 * GIB
    assert account_of(replace(found, memory_used_bytes=None)).lone_bytes is None


def test_a_screen_that_takes_more_memory_is_not_taken_for_what_a_run_left() -> None:
    left = replace(entry("a", {0: 3}, state=State.KEPT), unlisted_bytes={"GPU-0": GIB})
    assert has_returned(left, {"GPU-0": gpu(used=6, drawing=((901, 5),))})


def test_memory_that_a_dead_run_left_stays_taken_until_its_holder_lets_go() -> None:
    left = entry("a", {0: 3}, state=State.KEPT, holders=(100,))
    still = gpu(used=3, processes=((100, 3),))
    assert account_of(still, left).free_bytes == 21 * GIB
    assert not has_returned(left, {"GPU-0": still})
    assert has_returned(left, {"GPU-0": gpu(used=3, processes=((900, 3),))})


@pytest.mark.parametrize("state", [State.HELD, State.OUTLIVED])
def test_what_becomes_free_beside_a_run_that_was_to_be_alone_is_nobodys(state: State) -> None:
    alone = entry("a", {0: 14}, whole=True, state=state)
    assert account_of(gpu(), alone).free_bytes == 0
    assert account_of(gpu(), replace(alone, whole=False)).free_bytes == 10 * GIB
    assert account_of(gpu(), replace(alone, state=State.KEPT, holders=(5,))).free_bytes == 10 * GIB


def test_what_no_process_had_before_is_told_apart_by_gpu() -> None:
    left = replace(entry("a", {0: 3, 1: 3}, state=State.KEPT), unlisted_bytes={"GPU-1": 4 * GIB})
    assert not has_returned(left, {"GPU-0": gpu(0, used=3), "GPU-1": gpu(1, used=4)})
    assert has_returned(left, {"GPU-0": gpu(0), "GPU-1": gpu(1, used=4)})


def test_memory_that_no_process_has_counts_until_the_driver_has_it_back() -> None:
    left = replace(entry("a", {0: 3}, state=State.KEPT), unlisted_bytes={"GPU-0": GIB})
    assert not has_returned(left, {"GPU-0": gpu(used=4)})
    assert account_of(gpu(used=4), left).free_bytes == 20 * GIB
    assert has_returned(left, {"GPU-0": gpu(used=1)})
    assert has_returned(left, {})
