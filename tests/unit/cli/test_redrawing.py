"""A report that is redrawn in place: how it ends."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import Signals
from typing import TextIO

import pytest

from runner.cli.calling import Interrupted
from runner.cli.redrawing import redraw
from tests.unit.window import Window

MOST_DRAWINGS = 10


@pytest.fixture
def keyboard(window: Window) -> Iterator[TextIO]:
    with os.fdopen(os.dup(window.file.fileno()), encoding="utf-8") as file:
        yield file


@pytest.fixture
def nobody() -> Iterator[TextIO]:
    with Path(os.devnull).open(encoding="utf-8") as file:
        yield file


def report(second: Callable[[], object]) -> tuple[list[int], Callable[[], list[str]]]:
    """The drawings so far, and a report that does something when it is made the second time."""
    drawn: list[int] = []

    def lines() -> list[str]:
        drawn.append(len(drawn) + 1)
        assert len(drawn) < MOST_DRAWINGS, "it is still drawn"
        if len(drawn) == 2:
            second()
        return [f"drawing {len(drawn)}"]

    return drawn, lines


def test_a_key_ends_it(window: Window, keyboard: TextIO) -> None:
    drawn, lines = report(lambda: window.user.write(b"q"))
    redraw(lines, 0.2, keyboard, window.file)
    assert drawn == [1, 2]


@pytest.mark.parametrize("typist", ["keyboard", "nobody"])
def test_a_terminal_that_is_closed_ends_it(
    window: Window, typist: str, request: pytest.FixtureRequest
) -> None:
    drawn, lines = report(window.close)
    redraw(lines, 0.2, request.getfixturevalue(typist), window.file)
    assert drawn == [1, 2]


def test_the_signal_of_a_closed_terminal_is_what_it_ends_by(
    window: Window, keyboard: TextIO
) -> None:
    def hang_up() -> None:
        window.close()
        raise Interrupted(Signals.SIGHUP.name)

    _, lines = report(hang_up)
    with pytest.raises(Interrupted, match="SIGHUP"):
        redraw(lines, 0.2, keyboard, window.file)
