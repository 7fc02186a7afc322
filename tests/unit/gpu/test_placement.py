"""Who gets GPU memory: first come, first served, and nobody waits longer for one who came later."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from runner.gpu.account import Account, accounts
from runner.gpu.placement import Placement, Wish, can_wait_on, claim, older_than, place
from runner.gpu.reservation import Reservation, State
from runner.host.nvml import Gpu
from tests.unit.gpu.kit import GIB, entry, gpu


def accounts_of(
    gpus: Sequence[Gpu], entries: Sequence[Reservation] = (), head_room: int = 0
) -> Mapping[str, Account]:
    return accounts(gpus, entries, head_room * GIB, lambda _pid, _container: False)


def placed(wish: Wish, gpus: Sequence[Gpu], *entries: Reservation) -> Placement:
    waiting = [item for item in entries if item.state is State.WAITING]
    return place(wish, accounts_of(gpus, entries), waiting)


def gib(size: int) -> Wish:
    return Wish(memory=size * GIB)


def test_the_gpu_with_the_most_free_memory_is_granted_and_the_first_of_equals() -> None:
    assert placed(gib(6), (gpu(0, used=16), gpu(1, used=12))).shares == {"GPU-1": 6 * GIB}
    assert placed(gib(6), (gpu(0), gpu(1))).shares == {"GPU-0": 6 * GIB}


def test_memory_exactly_as_asked_is_enough() -> None:
    assert placed(gib(8), (gpu(0, used=16),)).shares == {"GPU-0": 8 * GIB}


def test_reserved_memory_is_not_granted_twice() -> None:
    found = placed(gib(6), (gpu(0, used=12), gpu(1, used=16)), entry("a", {0: 8}))
    assert found.shares == {"GPU-1": 6 * GIB}


def test_several_gpus_are_granted_together_or_not_at_all() -> None:
    two = Wish(count=2, memory=10 * GIB)
    assert placed(two, (gpu(0), gpu(1), gpu(2, used=20))).shares == {
        "GPU-0": 10 * GIB,
        "GPU-1": 10 * GIB,
    }
    found = placed(two, (gpu(0), gpu(1)), entry("a", {1: 20}))
    assert not found.shares
    assert found.is_possible(2)
    assert [item.id for item in found.behind] == ["a"]


def test_more_than_any_gpu_has_is_told_from_what_is_merely_taken() -> None:
    assert not placed(gib(25), (gpu(0), gpu(1))).is_possible(1)
    assert placed(gib(24), (gpu(0), gpu(1)), entry("a", {0: 1, 1: 1})).is_possible(1)
    assert not placed(Wish(count=3, memory=GIB), (gpu(0), gpu(1))).is_possible(3)


def test_what_the_driver_keeps_for_itself_makes_a_gpu_too_small_at_once() -> None:
    """Else a run would wait for memory that never becomes free."""
    driven = gpu(0, used=1, reserved=1)
    assert placed(gib(23), (driven,)).shares == {"GPU-0": 23 * GIB}
    assert not placed(gib(24), (driven,)).is_possible(1)


@pytest.mark.parametrize("found", [
    gpu(0),
    gpu(0, used=2, reserved=2),
    gpu(0, used=3),
    gpu(0, used=2, drawing=((901, 2),)),
    replace(gpu(0), memory_used_bytes=None, memory_total_bytes=None),
    replace(gpu(0), memory_used_bytes=None),
])  # fmt: skip
def test_more_than_a_gpu_has_that_was_learnt_is_asked_for_as_a_whole_and_never_refused(
    found: Gpu,
) -> None:
    """What was learnt has a margin: the run that it was learnt from had less, and was content."""
    wish = Wish(learnt={"Fake": 25 * GIB if found.memory_used_bytes == 0 else 23 * GIB})
    free = (24 * GIB - found.memory_used_bytes) if found.memory_used_bytes is not None else 0
    assert placed(wish, (found,)).shares == {"GPU-0": free}
    beside = placed(wish, (found,), entry("a", {0: 1}))
    assert not beside.shares
    assert beside.is_possible(1)
    assert [item.id for item in beside.behind] == ["a"]


def test_what_was_learnt_and_fits_only_without_others_waits_for_those_that_compute() -> None:
    wish = Wish(learnt={"Fake": 23 * GIB})
    busy = gpu(0, used=6, processes=((900, 4),))
    found = placed(wish, (busy,))
    assert not found.shares
    assert found.is_possible(1)
    (obstacle,) = found.obstacles
    assert obstacle.asked_bytes is None


def test_a_whole_gpu_may_have_a_screen() -> None:
    assert placed(Wish(memory="all"), (gpu(0, used=2, drawing=((901, 2),)),)).shares == {
        "GPU-0": 22 * GIB
    }


def test_memory_that_nobody_has_keeps_no_run_off_a_gpu_for_ever() -> None:
    """It may never come back, and counts with its bytes."""
    lost = entry("lost", {0: 3}, state=State.KEPT)
    gpus = (gpu(0, used=3),)
    for wish in (Wish(), Wish(memory="all"), Wish(learnt={"Fake": 22 * GIB})):
        assert placed(wish, gpus, lost).shares == {"GPU-0": 21 * GIB}
        assert can_wait_on(wish, accounts_of(gpus, [lost, entry("a", {0: 1})])["GPU-0"])
    assert placed(gib(21), gpus, lost).shares == {"GPU-0": 21 * GIB}
    held = entry("left", {0: 3}, state=State.KEPT, holders=(100,))
    assert not placed(Wish(), (gpu(0, used=3, processes=((100, 3),)),), held).shares


def test_a_whole_gpu_has_neither_other_runs_nor_strangers() -> None:
    whole = Wish(memory="all")
    busy = gpu(0, used=2, processes=((900, 2),))
    assert placed(whole, (busy, gpu(1))).shares == {"GPU-1": 24 * GIB}
    assert not placed(whole, (busy, gpu(1)), entry("a", {1: 1})).shares


def test_a_run_of_which_nothing_is_known_gets_what_is_free_on_a_gpu_without_other_runs() -> None:
    busy = gpu(0, used=4, processes=((900, 4),))
    assert placed(Wish(), (busy,)).shares == {"GPU-0": 20 * GIB}
    assert placed(Wish(), (busy, gpu(1)), entry("a", {1: 1})).shares == {"GPU-0": 20 * GIB}
    assert not placed(Wish(), (busy,), entry("a", {0: 1})).shares


def test_what_was_learnt_of_a_model_is_asked_on_that_model() -> None:
    wish = Wish(learnt={"Fake": 5 * GIB})
    other = replace(gpu(1), name="Other")
    assert placed(wish, (gpu(0), other), entry("a", {1: 1})).shares == {"GPU-0": 5 * GIB}


def test_a_gpu_that_does_not_tell_its_memory_is_no_place_for_a_size() -> None:
    silent = replace(gpu(0), memory_used_bytes=None, memory_total_bytes=None)
    assert not placed(gib(1), (silent,)).is_possible(1)
    assert placed(Wish(), (silent,)).shares == {"GPU-0": 0}


def test_a_small_run_goes_past_a_large_one_where_that_will_not_wait_longer_for_it() -> None:
    held = entry("running", {0: 16}, ticket=1)
    large = entry("large", {0: 20}, state=State.WAITING, ticket=2)
    assert placed(gib(4), (gpu(0),), held, large).shares == {"GPU-0": 4 * GIB}
    late = placed(gib(5), (gpu(0),), held, large)
    assert not late.shares
    assert [item.id for item in late.behind] == ["large"]


def test_small_runs_that_went_past_count_against_the_next_one() -> None:
    held = entry("running", {0: 16}, ticket=1)
    large = entry("large", {0: 20}, state=State.WAITING, ticket=2)
    small = entry("small", {0: 4}, ticket=3)
    assert not placed(gib(1), (gpu(0),), held, large, small).shares


def test_nothing_goes_past_a_run_that_wants_the_gpu_for_itself() -> None:
    held = entry("running", {0: 16}, ticket=1)
    large = entry("large", {0: 24}, state=State.WAITING, ticket=2, whole=True)
    assert not placed(gib(1), (gpu(0),), held, large).shares


def test_a_claim_is_made_where_least_is_wanted_already() -> None:
    entries = [entry("a", {0: 10}), entry("b", {1: 20}, state=State.WAITING, ticket=2)]
    found = accounts_of((gpu(0), gpu(1)), entries)
    assert claim(gib(20), found, older_than(3, entries)) == {"GPU-0": 20 * GIB}
    assert claim(Wish(count=2, memory=GIB), found, []) == {"GPU-0": GIB, "GPU-1": GIB}


def test_a_claim_is_made_where_runs_are_in_the_way_and_not_strangers() -> None:
    """A stranger may stay for ever, while on the other GPU one small run follows the other."""
    gpus = (gpu(0, used=20, processes=((900, 20),)), gpu(1))
    found = accounts_of(gpus, [entry("a", {1: 10})])
    assert claim(gib(20), found, []) == {"GPU-1": 20 * GIB}
    assert claim(Wish(memory="all"), found, []) == {"GPU-1": 24 * GIB}
    assert claim(Wish(), accounts_of(gpus), []) == {"GPU-0": 4 * GIB}


def test_a_claim_is_made_where_no_dead_run_left_its_memory() -> None:
    left = entry("left", {0: 6}, state=State.KEPT, holders=(100,))
    gpus = (gpu(0, used=6, processes=((100, 6),)), gpu(1))
    found = accounts_of(gpus, [left, entry("a", {1: 10})])
    assert claim(gib(20), found, []) == {"GPU-1": 20 * GIB}
    assert claim(Wish(), found, []) == {"GPU-1": 24 * GIB}


@pytest.mark.parametrize("seed", range(20))
def test_no_run_is_starved_and_no_gpu_is_granted_beyond_its_memory(seed: int) -> None:
    """Runs come and go at random; a large one among many small ones gets its turn in time."""
    chance = random.Random(seed)
    gpus = (gpu(0), gpu(1))
    entries: dict[str, Reservation] = {}
    ends: dict[str, int] = {}
    waited: dict[str, int] = {}
    for moment in range(400):
        for name in [name for name, end in ends.items() if end <= moment]:
            del entries[name], ends[name]
        if chance.random() < 0.6:
            size = chance.choice([2, 3, 4, 6, 24 if chance.random() < 0.2 else 8])
            name = f"run-{moment}"
            entries[name] = entry(name, {}, state=State.WAITING, ticket=moment)
            waited[name] = size
        for name in [name for name, item in entries.items() if item.state is State.WAITING]:
            mine, all_entries = entries[name], list(entries.values())
            found = accounts_of(gpus, all_entries)
            older = older_than(mine.ticket, all_entries)
            wish = gib(waited[name])
            if shares := place(wish, found, older).shares:
                entries[name] = replace(mine, state=State.HELD, shares=shares)
                ends[name] = moment + chance.randint(1, 10)
                # All before it that it may wait for take at most 10 each, on its GPU one by one.
                assert moment - mine.ticket <= 10 * (len(older) + 4)
            elif not mine.shares:
                entries[name] = replace(mine, shares=claim(wish, found, older))
        for number in range(2):
            held = [it for it in entries.values() if it.state is State.HELD]
            assert sum(it.shares.get(f"GPU-{number}", 0) for it in held) <= 24 * GIB
