"""What is done now and then only."""

from runner.run.rhythm import Rhythm


def test_what_is_done_now_and_then_is_done_at_the_first_occasion_and_after_its_time() -> None:
    moments = iter([0.0, 1.0, 9.9, 10.0, 19.0, 25.0])
    rhythm = Rhythm(10.0, clock=lambda: next(moments))
    assert [rhythm.is_due() for _ in range(6)] == [True, False, False, True, False, True]
