"""The end of a container that its engine did not notice."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Final

from runner.errors import StagerunError
from runner.host.container import Container, ContainerState
from runner.host.machine import process_exists

UNNOTICED_SECONDS: Final = 2.0


@contextlib.contextmanager
def woken(container: Container, state: ContainerState) -> Iterator[Callable[[], bool]]:
    """See to it that the engine notices the end of a container; yields whether that was needed.

    Docker 20.10 that is started again, after it was killed, may take a container for running whose
    process had ended meanwhile, until it is asked to send it a signal. SIGCONT means nothing to a
    process that lives.
    """
    over, woken = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(UNNOTICED_SECONDS):
            if not process_exists(state.pid):
                woken.set()
                with contextlib.suppress(StagerunError):
                    container.signal("SIGCONT")
                return

    if state.pid:
        threading.Thread(target=watch, daemon=True, name="notice").start()
    try:
        yield woken.is_set
    finally:
        over.set()
