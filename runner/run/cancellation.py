"""Being told to stop: once is a request, twice an order."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Cancellation:
    """Counts the requests to stop and tells those who listen."""

    signal: str | None = None
    count: int = 0
    _listeners: list[Callable[[], None]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requested(self) -> bool:
        """Whether anybody asked to stop."""
        return self.count > 0

    def request(self, signal: str) -> None:
        """Ask to stop, in the name of a signal such as ``SIGINT``."""
        # No lock: who asks to stop must never have to wait.
        self.signal = self.signal or signal
        self.count += 1
        for listener in tuple(self._listeners):
            listener()

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call ``listener`` at every request while the block runs; it must not block."""
        with self._guard:
            self._listeners.append(listener)
        try:
            if self.requested:
                listener()
            yield
        finally:
            with self._guard:
                self._listeners.remove(listener)
