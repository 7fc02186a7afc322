"""The builds that the engine works on: who is interrupted stops them before leaving.

A build that still runs holds its context, and in it the site's passwords, in the engine's cache.
Podman keeps none and cannot cancel a build: there it ends, with the step that it is in, when the
process that sent it has ended.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from runner.errors import BuildError, EngineError
from runner.host.engine_errors import translated

if TYPE_CHECKING:
    import docker

STOP_SECONDS: Final = 20.0
AGAIN_SECONDS: Final = 0.2


class SentBuilds:
    """Names each build that is sent, so that all of them can be stopped together."""

    def __init__(self, api: "docker.APIClient", *, can_cancel: bool) -> None:
        self._api = api
        self._can_cancel = can_cancel
        self._names: set[str] = set()
        self._stopped = False
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def one(self) -> Iterator[str]:
        """The name of a build that is sent in the block. Raises BuildError after ``stop``."""
        name = os.urandom(16).hex()
        with self._changed:
            if self._stopped:
                msg = "it was not begun: the builds were told to stop. Build again when you like."
                raise BuildError(msg)
            self._names.add(name)
        try:
            yield name
        finally:
            with self._changed:
                self._names.remove(name)
                self._changed.notify_all()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Let no build begin, cancel those that run, and wait that long for their ends."""
        end = time.monotonic() + seconds
        with self._changed:
            self._stopped = True
            while self._can_cancel and self._names and time.monotonic() < end:
                for name in self._names:
                    with contextlib.suppress(EngineError):
                        self._cancel(name)
                # Again after a while: what is still being uploaded cannot be cancelled yet.
                self._changed.wait(AGAIN_SECONDS)

    def _cancel(self, name: str) -> None:
        raw: Any = self._api  # the SDK has no method for it
        with translated(str(self._api.base_url)):
            raw._raise_for_status(raw._post(raw._url("/build/cancel"), params={"id": name}))
