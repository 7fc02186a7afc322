"""The truth that the simulated box keeps: were it wrong, its scenes would prove nothing."""

from tests.gpu_box.card import BUSY_WATTS, IDLE_WATTS, Afterlife, Card
from tests.nvml_stub import GIB


def card() -> Card:
    return Card("GPU-1", total=8 * GIB, at_rest=GIB)


def test_what_is_not_free_is_not_given_and_the_refusal_is_on_record() -> None:
    full = card()
    assert full.take(1, 5 * GIB, 0.0)

    assert not full.take(2, 3 * GIB, 1.0)

    assert full.held == {1: 5 * GIB}
    assert [(item.pid, item.asked_bytes, item.free_bytes) for item in full.refusals] == [
        (2, 3 * GIB, 2 * GIB)
    ]


def test_the_greatest_sum_is_told_after_everything_was_given_back() -> None:
    used = card()
    used.take(1, 2 * GIB, 0.0)
    used.take(2, 4 * GIB, 1.0)
    used.give(1, 2.0)
    used.bury(2, 3.0)

    assert used.used_bytes == GIB
    assert used.greatest_bytes == 7 * GIB
    assert [change.held_bytes for change in used.trace] == [2 * GIB, 4 * GIB, 0, 0]


def test_memory_that_outlives_its_process_is_shown_under_its_pid_until_its_time() -> None:
    kept = card()
    kept.afterlife = Afterlife(seconds=5)
    kept.take(7, GIB, 0.0)
    kept.bury(7, 10.0)

    assert kept.shown().processes == ((7, GIB),)
    kept.expire(14.9)
    assert kept.used_bytes == 2 * GIB
    kept.expire(15.0)
    assert kept.used_bytes == GIB


def test_memory_that_nobody_claims_is_used_until_it_is_given_back() -> None:
    kept = card()
    kept.afterlife = Afterlife(attributed=False)
    kept.take(7, GIB, 0.0)
    kept.bury(7, 1.0)

    assert kept.shown().processes == ()
    assert kept.shown().used == 2 * GIB
    kept.give_back(2.0)
    assert kept.shown().used == GIB


def test_energy_is_counted_at_what_the_gpu_drew_before_each_change() -> None:
    busy = card()
    busy.meter(0.0)
    busy.meter(2.0)
    busy.take(1, GIB, 2.0)
    busy.meter(3.0)

    assert busy.shown().energy_millijoules == (2 * IDLE_WATTS + BUSY_WATTS) * 1000
