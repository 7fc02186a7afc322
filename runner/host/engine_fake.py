"""An engine in memory that keeps the promises of ``Engine``, for tests of everything above it.

A "container" is a Python function: it sees the mounts as host paths, may write output and waits
for signals. Nothing is isolated and no process is started.
"""

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

from runner.errors import (
    EngineError,
    EngineUnavailableError,
    ImageMissingError,
    StagerunError,
)
from runner.host.container import (
    STDERR,
    STDOUT,
    Container,
    ContainerSpec,
    ContainerState,
    OurContainer,
)
from runner.host.engine import EngineFacts, Image

KILL_CODE: Final = 137
NO_IMAGE: Final = "the fake engine has no image {}"
LOST: Final = "the fake engine was told to be lost"


@dataclass
class FakeProcess:
    """What the function that stands for a stage can do; ``size`` is its terminal's."""

    spec: ContainerSpec
    output: "queue.SimpleQueue[tuple[int, bytes] | None]"
    kept: list[tuple[int, bytes]] = field(default_factory=list)
    signalled: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)
    terminal: socket.socket | None = None
    size: tuple[int, int] | None = None

    def path(self, inside: str) -> Path:
        """The host path of a path inside the container. Raises KeyError if nothing mounts it."""
        pure = PurePosixPath(inside)
        for mount in sorted(self.spec.mounts, key=lambda mount: -len(mount.target)):
            if pure.is_relative_to(mount.target):
                return Path(mount.source) / pure.relative_to(mount.target)
        raise KeyError(inside)

    def print(self, text: str) -> None:
        """Write a line to standard output."""
        self._put(STDOUT, text)

    def print_error(self, text: str) -> None:
        """Write a line to standard error."""
        self._put(STDERR, text)

    def _put(self, stream: int, text: str) -> None:
        frame = stream, text.encode() + b"\n"
        self.kept.append(frame)
        self.output.put(frame)

    def sleep_until_signal(self, seconds: float) -> str | None:
        """The next signal, or None when none came."""
        try:
            return self.signalled.get(timeout=seconds)
        except queue.Empty:
            return None


Stage = Callable[[FakeProcess], int]


class FakeContainer:
    """A container of a ``FakeEngine``."""

    def __init__(self, engine: "FakeEngine", spec: ContainerSpec, stage: Stage) -> None:
        self.spec = spec
        self.removed = False
        self.kept = self.left = False
        self._engine = engine
        self._stage = stage
        self._ended = threading.Event()
        self._running = False
        self._exit_code = 0
        self._started_at: datetime | None = None
        self._ended_at: datetime | None = None
        self._process = FakeProcess(spec=spec, output=queue.SimpleQueue())

    @property
    def id(self) -> str:
        """The name serves as the id."""
        return self.spec.name

    def attach(self) -> Iterator[tuple[int, bytes]]:
        """Yield what the function writes until it has ended."""
        return iter(self._process.output.get, None)

    def kept_output(self, *, follow: bool) -> Iterator[tuple[int, bytes]]:
        """Everything that was written, as a log driver keeps it."""
        if follow:
            self._ended.wait()
        return iter(tuple(self._process.kept))

    def converse(self) -> socket.socket:
        """One end of a pair, of which the function has the other."""
        ours, self._process.terminal = socket.socketpair()
        return ours

    def resize(self, rows: int, columns: int) -> None:
        """Let the function see it."""
        self._process.size = rows, columns

    def start(self) -> None:
        """Run the function in a thread."""
        if self._engine.start_error is not None:
            self._process.output.put(None)
            raise self._engine.start_error
        self._running, self._started_at = True, datetime.now(UTC)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        code = self._stage(self._process)
        self._end(code)

    def _end(self, code: int) -> None:
        if not self._ended.is_set():
            self._exit_code = code
            self._running, self._ended_at = False, datetime.now(UTC)
            self._process.output.put(None)
            if self._process.terminal is not None:
                self._process.terminal.close()
            self._ended.set()

    def wait(self) -> int:
        """Block until the function has returned or was killed."""
        self._ended.wait()
        self._engine.check_there()
        return self._exit_code

    def signal(self, name: str) -> None:
        """Hand a signal to the function; SIGKILL ends it at once."""
        if name == "SIGKILL":
            self._end(KILL_CODE)
        self._process.signalled.put(name)

    def state(self) -> ContainerState:
        """The limits are in force exactly as they were asked for."""
        self._engine.check_there()
        ended = self._ended.is_set()
        return ContainerState(
            status="running" if self._running else "exited" if ended else "created",
            pid=0,
            exit_code=self._exit_code,
            oom_killed=self._engine.oom,
            error="",
            memory=self.spec.memory,
            memory_swap=self.spec.memory,
            cpus=self.spec.cpus,
            pids=self.spec.pids,
            shm=self.spec.shm,
            started_at=self._started_at,
            ended_at=self._ended_at,
            labels=self.spec.labels,
        )

    def check_engine(self) -> None:
        """As the test decided."""
        self._engine.check_there()

    def had_oom_event(self) -> bool | None:
        """As the test decided."""
        return self._engine.oom

    def keep(self) -> None:
        """Stay where it is."""
        self.kept = True

    def remove(self) -> None:
        """Kill it and forget it."""
        self._engine.check_there()
        if self._engine.remove_error is not None:
            raise self._engine.remove_error
        self._end(KILL_CODE)
        self.removed = True


@dataclass
class FakeEngine:
    """``stages`` maps image digests to the functions that stand for them."""

    images: dict[str, Image] = field(default_factory=dict)
    stages: dict[str, Stage] = field(default_factory=dict)
    created: list[FakeContainer] = field(default_factory=list)
    start_error: StagerunError | None = None
    remove_error: StagerunError | None = None
    oom: bool = False
    lost: bool = False
    address: str = "unix:///fake.sock"
    no_gpus: str | None = None

    def add(self, name: str, stage: Stage, labels: Mapping[str, str] | None = None) -> Image:
        """Give the engine an image, and the function that runs in it."""
        digest, program = f"sha256:{len(self.images):064x}", ("run", name)
        image = Image(name=name, digest=digest, size_bytes=0, labels=labels or {}, command=program)
        self.images[name] = image
        self.stages[digest] = stage
        return image

    def check_there(self) -> None:
        """Raises EngineUnavailableError when it is lost."""
        if self.lost:
            raise EngineUnavailableError(LOST)

    def facts(self) -> EngineFacts:
        """An engine like Docker on cgroup v1."""
        return EngineFacts(
            name="Docker",
            version="0",
            address=self.address,
            storage="memory",
            cgroup_version="1",
            root_folder="/",
            cpus=2,
            memory_bytes=1 << 34,
            swap_limit=True,
            is_podman=False,
            rootless=False,
            runtimes=("runc",),
            why_no_gpus=self.no_gpus,
        )

    def user(self, uid: int, gid: int) -> str:
        """As with an engine that runs as root."""
        return f"{uid}:{gid}"

    def why_no_gpus(self) -> str | None:
        """As the test decided."""
        return self.no_gpus

    def image(self, name: str) -> Image | None:
        """Look an image up by name or digest."""
        self.check_there()
        by_digest = {image.digest: image for image in self.images.values()}
        return self.images.get(name) or by_digest.get(name)

    @contextlib.contextmanager
    def container(self, spec: ContainerSpec) -> Iterator[FakeContainer]:
        """Create a container, and remove it at the end, whatever happens."""
        self.check_there()
        if spec.image not in self.stages:
            raise ImageMissingError(NO_IMAGE.format(spec.image))
        container = FakeContainer(self, spec, self.stages[spec.image])
        self.created.append(container)
        try:
            yield container
        finally:
            if not container.kept:
                try:
                    container.remove()
                except EngineError:
                    container.left = True

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        """Those that carry the labels and were not removed."""
        self.check_there()
        return [
            container
            for container in self.created
            if not container.removed and labels.items() <= container.spec.labels.items()
        ]

    def our_containers(self) -> list[OurContainer]:
        """Those that were not removed."""
        return [
            OurContainer(
                id=item.id,
                name=item.id,
                labels=item.spec.labels,
                is_running=item.state().is_running,
            )
            for item in self.created
            if not item.removed
        ]

    def remove_stopped(self, container: OurContainer) -> None:
        """Forget it."""
        for item in self.created:
            item.removed |= item.id == container.id

    def remove_image(self, digest: str) -> None:
        """Forget the image."""
        self.images = {name: image for name, image in self.images.items() if image.digest != digest}
