"""A container of Docker, or of Podman, through the docker SDK."""

import contextlib
import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from runner.errors import EngineError
from runner.host.container import ContainerState
from runner.host.engine_errors import translated

if TYPE_CHECKING:
    import docker

CONNECT_SECONDS: Final = 5.0
FRAME_HEADER: Final = struct.Struct(">BxxxI")
"""Stream number and length before each piece of output, as the engine's API has it."""

DETACH_KEYS: Final = "ctrl-@,ctrl-@,ctrl-@"
"""Docker's own begin with Ctrl-P, the previous line of every shell, which it would hold back."""

FRACTION: Final = re.compile(r"\.\d+")


class DockerContainer:
    """A container behind the SDK's client; ``address`` is the engine's, for messages."""

    def __init__(
        self,
        api: "docker.APIClient",
        address: str,
        identifier: str,
        warnings: tuple[str, ...] = (),
        created: float | None = None,
    ) -> None:
        self._api = api
        self._address = address
        self._identifier = identifier
        self._warnings = warnings
        self._created = time.time() if created is None else created
        self.kept = self.left = False

    @property
    def id(self) -> str:
        """The engine's id."""
        return self._identifier

    def attach(self) -> Iterator[tuple[int, bytes]]:
        """Open the output stream before the start, so that nothing is missed."""
        # The SDK's own `attach` asks first whether there is a terminal, which we know.
        return self._frames(self._taken_over({"stream": 1, "stdout": 1, "stderr": 1}))

    def _frames(self, line: socket.socket) -> Iterator[tuple[int, bytes]]:
        from docker.utils.socket import frames_iter

        with translated(self._address), line:
            yield from frames_iter(line, tty=False)  # type: ignore[no-untyped-call]  # the stubs leave it so

    def kept_output(self, *, follow: bool) -> Iterator[tuple[int, bytes]]:
        """Ask the engine's log driver; the SDK's own call cannot tell the two streams apart."""
        asked = {"stdout": 1, "stderr": 1, "follow": int(follow)}
        address = f"{self._api.base_url}/v{self._api.api_version}/containers/{self.id}/logs"
        with (
            translated(self._address),
            contextlib.closing(
                self._api.get(address, params=asked, stream=True, timeout=None)
            ) as response,
        ):
            response.raise_for_status()
            while header := response.raw.read(FRAME_HEADER.size):
                stream, length = FRAME_HEADER.unpack(header)
                yield stream, response.raw.read(length)

    def converse(self) -> socket.socket:
        """Take the connection over, as the engine offers it for terminals."""
        return self._taken_over(
            {"stream": 1, "stdin": 1, "stdout": 1, "stderr": 1, "detachKeys": DETACH_KEYS}
        )

    def _taken_over(self, asked: dict[str, Any]) -> socket.socket:
        """A connection to the container that is the caller's alone, who closes it."""
        with translated(self._address):
            stream: Any = self._api.attach_socket(self.id, params=asked)
            # The SDK's answer would keep it open until it is collected, and has a time limit that
            # holds for answers, not for people.
            with contextlib.closing(stream._response):
                line = socket.socket(fileno=os.dup(stream.fileno()))
        line.setblocking(True)
        return line

    def resize(self, rows: int, columns: int) -> None:
        """Hand the size on."""
        from docker.errors import APIError

        # It may have ended: 409, and 500 from older engines.
        with translated(self._address), contextlib.suppress(APIError):
            self._api.resize(self.id, rows, columns)

    def start(self) -> None:
        """Start the container; all GPU errors come here."""
        with translated(self._address):
            self._api.start(self.id)

    def wait(self) -> int:
        """Block until the container has ended."""
        with translated(self._address):
            # Without a time limit of its own: the run's limit is kept by whoever waits for us.
            return int(self._api.wait(self.id, timeout=None)["StatusCode"])

    def signal(self, name: str) -> None:
        """Send a signal to the container's init, which passes it on."""
        from docker.errors import APIError

        # 409: it has ended; 404: it is gone; 500: the same from older engines. All are fine.
        with translated(self._address):
            try:
                self._api.kill(self.id, signal=name)
            except APIError as problem:
                if problem.status_code not in (404, 409, 500):
                    raise

    def state(self) -> ContainerState:
        """Inspect the container."""
        with translated(self._address):
            found = self._api.inspect_container(self.id)
        state, host = found["State"], found["HostConfig"]
        nano = host.get("NanoCpus") or 0
        return ContainerState(
            status=state["Status"],
            pid=state.get("Pid") or 0,
            exit_code=state.get("ExitCode", 0),
            oom_killed=bool(state.get("OOMKilled")),
            error=state.get("Error") or "",
            memory=host.get("Memory") or None,
            memory_swap=host.get("MemorySwap") or None,
            cpus=nano / 1_000_000_000 if nano else None,
            pids=limit if (limit := host.get("PidsLimit") or 0) > 0 else None,
            shm=host.get("ShmSize") or None,
            warnings=self._warnings,
            started_at=_moment(state.get("StartedAt")),
            ended_at=_moment(state.get("FinishedAt")),
            labels=found["Config"].get("Labels") or {},
        )

    def check_engine(self) -> None:
        """Open a connection of its own: those that are there outlive the engine's readiness."""
        with translated(self._address), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(CONNECT_SECONDS)
            connection.connect(self._address.removeprefix("unix://"))

    def had_oom_event(self) -> bool | None:
        """Ask for past events; the engine keeps the last few hundred, or refuses to tell."""
        filters = {"container": [self.id], "event": ["oom"]}
        since, until = f"{self._created - 1:.9f}", f"{time.time():.9f}"
        try:
            with translated(self._address):
                events = self._api.events(  # type: ignore[call-overload]  # text keeps the fractions of a second
                    since=since, until=until, filters=filters, decode=True
                )
                return any(True for _ in events)
        except EngineError:
            return None

    def keep(self) -> None:
        """Leave it to who asked for it."""
        self.kept = True

    def remove(self) -> None:
        """Remove the container with its anonymous volumes."""
        from docker.errors import APIError

        # 404: it is gone; 409: somebody else is removing it.
        with translated(self._address):
            try:
                self._api.remove_container(self.id, v=True, force=True)
            except APIError as problem:
                if problem.status_code not in (404, 409):
                    raise


def _moment(text: str | None) -> datetime | None:
    """A time of the engine, which says the year 1 for never."""
    if not text or text.startswith("0001-"):
        return None
    # Nanoseconds, of which Python takes the first six digits.
    moment = datetime.fromisoformat(FRACTION.sub(lambda found: found[0][:7], text, count=1))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
