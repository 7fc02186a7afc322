"""A container whose end its engine did not notice, because it was down when that came."""

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runner.host.container import STDERR, ContainerState
from runner.host.engine_fake import FakeContainer, FakeEngine
from runner.run.cancellation import Cancellation
from runner.run.facts import Facts
from runner.run.supervision import Supervision, rejoin
from tests.small_container import SMALL
from tests.unit.run.printed_output import Reader, record

NOBODY: Final = 2**22 + 1
"""More than the number of any process: https://man7.org/linux/man-pages/man5/proc.5.html"""


class ForgottenContainer(FakeContainer):
    """Its engine waits for an end that has come, until it is asked to send a signal."""

    def __init__(self, pid: int, *, code: int = 0) -> None:
        super().__init__(FakeEngine(), SMALL, lambda _: 0)
        self.pid, self.code = pid, code
        self.signals: list[str] = []
        self.noticed = threading.Event()

    def state(self) -> ContainerState:
        """It is said to run."""
        now = datetime.now(UTC)
        return replace(super().state(), status="running", pid=self.pid, started_at=now)

    def kept_output(self, *, follow: bool) -> Iterator[tuple[int, bytes]]:
        """What the container had reported at its end."""
        del follow
        yield STDERR, record(type="end", exit_code=self.code, oom_kills=0)

    def signal(self, name: str) -> None:
        """The engine looks, and sees."""
        self.signals.append(name)
        if name != "SIGCONT" or self.pid == NOBODY:
            self.noticed.set()

    def wait(self) -> int:
        """It knows of no exit code, and says 0."""
        self.noticed.wait()
        return 0


def stayed_with(container: ForgottenContainer, folder: Path, timeout: float = 60) -> Facts:
    reader = Reader(folder)
    how = Supervision(
        stage="06_asr",
        run_id="r",
        timeout=timeout,
        stop_grace=1,
        gpus=(),
        cancellation=Cancellation(),
        emit=reader.events.append,
    )
    return rejoin(container, container.state(), reader.output, how)


def test_the_engine_is_woken_long_before_the_time_limit(tmp_path: Path) -> None:
    container = ForgottenContainer(NOBODY)
    facts = stayed_with(container, tmp_path)
    assert container.signals == ["SIGCONT"]
    assert (facts.stopped_for, facts.exit_code) == (None, 0)
    assert facts.duration_seconds < 30


def test_the_exit_code_is_then_the_one_that_was_reported_inside(tmp_path: Path) -> None:
    assert stayed_with(ForgottenContainer(NOBODY, code=3), tmp_path).exit_code == 3


def test_a_container_that_lives_is_left_in_peace_until_its_time_is_over(tmp_path: Path) -> None:
    container = ForgottenContainer(os.getpid())
    facts = stayed_with(container, tmp_path, timeout=5)
    assert container.signals == ["SIGTERM"]
    assert facts.stopped_for == "timeout"
