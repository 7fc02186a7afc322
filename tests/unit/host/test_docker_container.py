"""What a container makes of an engine's connections, and of one that answers as it should not."""

import contextlib
import gc
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from docker import APIClient
from docker.errors import APIError
from requests import ConnectionError as Unreachable

from runner.errors import EngineError
from runner.host.docker_container import DockerContainer
from runner.host.podman_container import PodmanContainer


@dataclass
class Events:
    """As much of the SDK's client as asking for events needs."""

    answer: list[dict[str, Any]] | Exception

    def events(self, **_: object) -> Iterator[dict[str, Any]]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return iter(self.answer)


def had_oom_event(answer: list[dict[str, Any]] | Exception) -> bool | None:
    client = cast("APIClient", Events(answer))
    return DockerContainer(client, "unix:///nowhere.sock", "id").had_oom_event()


def test_an_oom_event_is_seen_and_so_is_that_there_was_none() -> None:
    assert had_oom_event([{"Action": "oom"}]) is True
    assert had_oom_event([]) is False


@pytest.mark.parametrize("answer", [APIError("events are off"), Unreachable("gone")])
def test_an_engine_that_tells_no_events_leaves_the_question_open(answer: Exception) -> None:
    assert had_oom_event(answer) is None


@dataclass
class Podman:
    """As much of the SDK's client as waiting and looking need, as Podman answers."""

    answer: dict[str, Any]
    flag: bool = False

    def wait(self, _identifier: str, **_: object) -> dict[str, Any]:
        return self.answer

    def inspect_container(self, _identifier: str) -> dict[str, Any]:
        return {
            "State": {"Status": "exited", "OOMKilled": self.flag},
            "HostConfig": {},
            "Config": {},
        }


def on_podman(client: Podman) -> PodmanContainer:
    return PodmanContainer(cast("APIClient", client), "unix:///nowhere.sock", "id")


def test_podman_never_says_that_no_memory_was_short() -> None:
    quiet, loud = Podman({}), Podman({}, flag=True)
    assert on_podman(quiet).state().oom_killed is None
    assert on_podman(loud).state().oom_killed is True
    assert on_podman(quiet).had_oom_event() is None


def test_an_end_that_podman_tells_is_taken_as_told() -> None:
    assert on_podman(Podman({"StatusCode": 7, "Error": None})).wait() == 7


def test_a_container_that_podman_no_longer_knows_has_not_ended_well() -> None:
    gone = Podman({"StatusCode": 0, "Error": {"Message": "no such container"}})
    with pytest.raises(EngineError):
        on_podman(gone).wait()


UPGRADED = (
    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)
OUTPUT = b"\x01\x00\x00\x00\x00\x00\x00\x03hi\n"


@dataclass
class Attached:
    """The engine's side of a container's output."""

    container: DockerContainer
    open: threading.Event = field(default_factory=threading.Event)
    is_left: bool = False


@contextlib.contextmanager
def attached(folder: Path) -> Iterator[Attached]:
    """An engine that lets itself be attached to once, prints when told, and then waits to be left.

    Nothing is collected meanwhile: what is only dropped stays open.
    """
    address = f"unix://{folder}/s"
    client = APIClient(base_url=address, version="1.41")
    engine = Attached(DockerContainer(client, address, "id"))

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            connection.recv(65536)
            connection.sendall(UPGRADED)
            engine.open.wait(5)
            connection.sendall(OUTPUT)
            connection.shutdown(socket.SHUT_WR)
            engine.is_left = connection.recv(1) == b""

    with socket.socket(socket.AF_UNIX) as server, contextlib.closing(client):
        server.bind(str(folder / "s"))
        server.listen()
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        gc.disable()
        try:
            yield engine
            thread.join()
        finally:
            gc.enable()


def test_a_container_whose_output_has_ended_holds_no_connection_open(tmp_path: Path) -> None:
    with attached(tmp_path) as engine:
        frames = engine.container.attach()
        engine.open.set()
        assert list(frames) == [(1, b"hi\n")]
    assert engine.is_left


def test_a_terminal_that_was_closed_holds_no_connection_open(tmp_path: Path) -> None:
    with attached(tmp_path) as engine:
        with engine.container.converse() as line:
            engine.open.set()
            assert line.recv(100) == OUTPUT
        assert line.fileno() == -1
    assert engine.is_left
