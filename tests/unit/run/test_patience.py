"""Trouble that passes by itself is met again and again at growing distances, and told once."""

from runner.run.patience import Patience


def test_the_pause_grows_to_a_quarter_of_an_hour() -> None:
    patience = Patience()
    pauses = [patience.pause("river", "the engine is away") for _ in range(7)]
    assert pauses == [60, 120, 240, 480, 900, 900, 900]


def test_another_trouble_begins_anew() -> None:
    patience = Patience()
    patience.pause("river", "the engine is away")
    patience.pause("river", "the engine is away")
    assert patience.pause("river", "the disk is full") == 60
    patience.over("river")
    assert patience.pause("river", "the disk is full") == 60
    assert patience.pause("lake", "the disk is full") == 60


def test_a_trouble_whose_numbers_alone_change_is_the_same() -> None:
    patience = Patience()
    assert not patience.knows("river", "it has 3.5 GB, 2.1 GB are free")
    patience.pause("river", "it has 3.5 GB, 2.1 GB are free")
    assert patience.knows("river", "it has 3.5 GB, 1.9 GB are free")
    assert not patience.knows("river", "the engine is away")


def test_troubles_that_last_take_no_more_room() -> None:
    patience = Patience()
    for _ in range(5000):
        assert patience.pause("river", "the engine is away") <= 900
    assert patience.troubled("river")
    patience.over("river")
    assert not patience.troubled("river")
