"""A fault of the program in one of the threads that stay with a container."""

import time
from pathlib import Path

import pytest

from runner.events import Event, Progress
from runner.host.engine_fake import FakeContainer, FakeEngine, FakeProcess
from runner.run.cancellation import Cancellation
from runner.run.facts import Facts
from runner.run.output import Output
from runner.run.supervision import Supervision, supervise
from tests.small_container import SMALL

PROGRESS = '\x1e{"type": "progress", "done": 1}'


def sleep(process: FakeProcess) -> int:
    process.print_error(PROGRESS)
    process.sleep_until_signal(30)
    return 0


class FaultyContainer(FakeContainer):
    """One for whose end nobody can wait."""

    def wait(self) -> int:
        """The client's library has a fault."""
        msg = "of the library"
        raise KeyError(msg)


def stay_with(container: FakeContainer, folder: Path, emit: "Observed") -> Facts:
    output = Output(stage="06_asr", run_id="r", log=folder / "output.log", emit=emit)
    how = Supervision(
        stage="06_asr",
        run_id="r",
        timeout=60,
        stop_grace=1,
        gpus=(),
        cancellation=Cancellation(),
        emit=emit,
    )
    return supervise(container, output, how)


class Observed:
    """An observer that fails over progress, or not."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        if self.fails and isinstance(event, Progress):
            msg = "of the observer"
            raise KeyError(msg)


@pytest.mark.parametrize(
    ("kind", "fails", "whose"),
    [(FakeContainer, True, "of the observer"), (FaultyContainer, False, "of the library")],
)
def test_a_fault_is_raised_at_once_and_not_waited_for_until_the_time_limit(
    tmp_path: Path, kind: type[FakeContainer], whose: str, *, fails: bool
) -> None:
    container = kind(FakeEngine(), SMALL, sleep)
    began = time.monotonic()
    with pytest.raises(KeyError, match=whose):
        stay_with(container, tmp_path, Observed(fails=fails))
    assert time.monotonic() - began < 20
    container.signal("SIGKILL")


def test_a_fault_at_the_very_end_is_raised_as_well(tmp_path: Path) -> None:
    def speak(process: FakeProcess) -> int:
        process.print_error(PROGRESS)
        return 0

    with pytest.raises(KeyError, match="of the observer"):
        stay_with(FakeContainer(FakeEngine(), SMALL, speak), tmp_path, Observed(fails=True))
