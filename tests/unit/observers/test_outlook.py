"""How long stages will take, learnt from those that have ended."""

from typing import Any

import pytest

from runner.observers.outlook import Extent, Outlook


def learnt(*seen: tuple[str, int, float]) -> Outlook:
    outlook = Outlook()
    for stage, size, seconds in seen:
        outlook.learn(stage, Extent(input_bytes=size), seconds)
    return outlook


def expected(outlook: Outlook, stage: str, input_bytes: int, media: float | None = None) -> Any:
    """What is expected, of any type that compares with a number."""
    return outlook.seconds(stage, Extent(input_bytes=input_bytes, media_seconds=media))


def test_nobody_knows_while_nothing_has_ended() -> None:
    assert expected(Outlook(), "06_asr", 100) is None


def test_one_film_says_how_long_another_one_takes() -> None:
    assert expected(learnt(("06_asr", 100, 50.0)), "06_asr", 200) == pytest.approx(100.0)


def test_a_stage_that_takes_as_long_for_every_film_is_known_as_such() -> None:
    outlook = learnt(*(("03_load", size, 2.0) for size in (100, 5000, 40)))
    assert expected(outlook, "03_load", 10**9) == pytest.approx(2.0)


def test_a_start_and_a_rate_are_told_apart() -> None:
    outlook = learnt(*(("06_asr", size, 10 + size / 10) for size in (100, 200, 400)))
    assert expected(outlook, "06_asr", 1000) == pytest.approx(110.0)


@pytest.mark.parametrize("size", [0, 1, 10**12])
def test_no_film_takes_less_than_no_time(size: int) -> None:
    for seen in ([(10, 100.0), (1000, 1.0)], [(0, 1.0), (0, 3.0)], [(10, 0.0), (20, 90.0)]):
        outlook = learnt(*(("06_asr", *pair) for pair in seen))
        assert expected(outlook, "06_asr", size) >= 0


def test_a_stage_that_was_never_seen_is_taken_for_an_average_one() -> None:
    outlook = learnt(("01_demux", 100, 10.0), ("06_asr", 100, 30.0))
    assert expected(outlook, "10_mux", 100) is None


def test_the_length_of_the_media_counts_more_than_the_size_of_the_files() -> None:
    outlook = Outlook()
    outlook.learn("06_asr", Extent(input_bytes=40_000, media_seconds=60.0), 30.0)
    assert expected(outlook, "06_asr", 1000, media=120.0) == pytest.approx(60.0)


def test_a_job_whose_length_nobody_said_yet_is_judged_by_its_size() -> None:
    outlook = Outlook()
    outlook.learn("06_asr", Extent(input_bytes=100, media_seconds=60.0), 30.0)
    assert expected(outlook, "06_asr", 200) == pytest.approx(60.0)


def test_a_stage_that_saw_a_part_only_does_not_make_the_media_shorter() -> None:
    whole = Extent(input_bytes=1).of_length(90.0)
    assert whole.of_length(40.0) == whole


def test_a_length_that_an_earlier_call_knew_gives_way_to_the_first_that_is_said() -> None:
    extent = Extent(media_seconds=90.0, is_of_old=True).of_length(40.0)
    assert extent.media_seconds == 40.0
    assert extent.of_length(30.0) == extent
    assert extent.of_length(50.0).media_seconds == 50.0


def test_who_asks_while_a_stage_is_first_learnt_of_gets_an_answer() -> None:
    outlook = Outlook()
    answers = []

    class AskedMeanwhile(Extent):
        def __getattribute__(self, name: str) -> Any:
            if name == "input_bytes":
                answers.append(expected(outlook, "10_mux", 100))
            return super().__getattribute__(name)

    outlook.learn("10_mux", AskedMeanwhile(input_bytes=100), 2.0)
    assert answers == [None]
    assert expected(outlook, "10_mux", 100) == 2.0
