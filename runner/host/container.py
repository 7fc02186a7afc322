"""A container: what it shall be, what the engine says of it, and what can be done with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import socket

STDOUT: Final = 1
STDERR: Final = 2


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A bind mount; the source must exist."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """A container as it shall be: sizes in bytes, ``cpus`` in cores.

    With ``terminal`` it has one, and what is typed there reaches it.
    """

    name: str
    image: str
    user: str
    mounts: tuple[Mount, ...]
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    memory: int
    cpus: float
    pids: int
    tmp: int
    shm: int
    network: str = "none"
    gpus: tuple[str, ...] = ()
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    terminal: bool = False


@dataclass(frozen=True, kw_only=True)
class ContainerState:
    """What the engine says of a container; limits are those in force, None is no limit.

    ``started_at`` and ``ended_at`` are None where that has not happened.
    """

    status: str
    pid: int
    exit_code: int
    oom_killed: bool | None
    error: str
    memory: int | None
    memory_swap: int | None
    cpus: float | None
    pids: int | None
    shm: int | None
    warnings: tuple[str, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        """Whether its processes live."""
        return self.status in ("running", "paused", "restarting")


@dataclass(frozen=True, kw_only=True)
class OurContainer:
    """A container that some runner made; its labels say which."""

    id: str
    name: str
    labels: Mapping[str, str]
    is_running: bool = False


class Container(Protocol):
    """A created container; it is ``left`` when its engine should have removed it and did not."""

    left: bool

    @property
    def id(self) -> str:
        """The engine's id."""

    def attach(self) -> Iterator[tuple[int, bytes]]:
        """Open the output now; yields (STDOUT or STDERR, bytes) until the end."""

    def kept_output(self, *, follow: bool) -> Iterator[tuple[int, bytes]]:
        """The engine's own copy of the output, as far as it keeps one; yields as ``attach`` does.

        With ``follow`` it goes on until the end, of which the last line may be missing.
        """

    def converse(self) -> "socket.socket":
        """Open both directions of its terminal now; what is read from it ends with the container.

        The caller closes it.
        """

    def resize(self, rows: int, columns: int) -> None:
        """Tell a container that runs how large its terminal is; nothing happens if it has ended."""

    def start(self) -> None:
        """Start it. Raises GpuUnavailableError, DiskFullError or EngineError."""

    def wait(self) -> int:
        """Block until it has ended; the exit code."""

    def signal(self, name: str) -> None:
        """Send ``SIGTERM`` or ``SIGKILL``; nothing happens if it has ended."""

    def state(self) -> ContainerState:
        """What the engine says of it now."""

    def check_engine(self) -> None:
        """Raises EngineUnavailableError when the engine takes no new calls, as one that stops."""

    def had_oom_event(self) -> bool | None:
        """Whether the engine reported an ``oom`` event; None if it cannot say."""

    def keep(self) -> None:
        """Let it be there when ``Engine.container`` is left."""

    def remove(self) -> None:
        """Kill it if need be and remove it; nothing happens if it is gone."""
