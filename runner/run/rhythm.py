"""What is done now and then only, however often there is an occasion."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(eq=False)
class Rhythm:
    """Says when something is due: at the first occasion, and not again for so many seconds."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _last: float | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def is_due(self) -> bool:
        """Whether it is to be done now; may be called by threads, of which one hears yes."""
        with self._guard:
            now = self.clock()
            if self._last is not None and now - self._last < self.seconds:
                return False
            self._last = now
            return True
