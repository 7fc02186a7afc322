"""How long stages will take, learnt from those that have ended."""

import pytest

from runner.observers.outlook import Outlook


def learnt(*seen: tuple[str, int, float]) -> Outlook:
    outlook = Outlook()
    for stage, size, seconds in seen:
        outlook.learn(stage, size, seconds)
    return outlook


def test_nobody_knows_while_nothing_has_ended() -> None:
    assert Outlook().seconds("06_asr", 100) is None


def test_one_film_says_how_long_another_one_takes() -> None:
    assert learnt(("06_asr", 100, 50.0)).seconds("06_asr", 200) == pytest.approx(100.0)


def test_a_stage_that_takes_as_long_for_every_film_is_known_as_such() -> None:
    outlook = learnt(*(("03_load", size, 2.0) for size in (100, 5000, 40)))
    assert outlook.seconds("03_load", 10**9) == pytest.approx(2.0)


def test_a_start_and_a_rate_are_told_apart() -> None:
    outlook = learnt(*(("06_asr", size, 10 + size / 10) for size in (100, 200, 400)))
    assert outlook.seconds("06_asr", 1000) == pytest.approx(110.0)


@pytest.mark.parametrize("size", [0, 1, 10**12])
def test_no_film_takes_less_than_no_time(size: int) -> None:
    for seen in ([(10, 100.0), (1000, 1.0)], [(0, 1.0), (0, 3.0)], [(10, 0.0), (20, 90.0)]):
        outlook = learnt(*(("06_asr", *pair) for pair in seen))
        expected = outlook.seconds("06_asr", size)
        assert expected is not None
        assert expected >= 0


def test_a_stage_that_was_never_seen_is_taken_for_an_average_one() -> None:
    outlook = learnt(("01_demux", 100, 10.0), ("06_asr", 100, 30.0))
    assert outlook.seconds("10_mux", 100) == pytest.approx(20.0)
