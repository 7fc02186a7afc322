"""Who answers at an engine's socket."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.host.engine_request import Identity, identify, version_numbers
from runner.host.image_lookup import look_up

DOCKER = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\n\r\nOK"
PODMAN = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\n\r\nOK"


@contextmanager
def answering(folder: Path, answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """The address of something that gives one answer, and what it was asked."""
    asked: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(65536))
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"unix://{folder}/s", asked
        thread.join()


def test_docker_and_podman_are_told_apart(tmp_path: Path) -> None:
    uid = os.geteuid()
    for name, answer, podman in (("docker", DOCKER, None), ("podman", PODMAN, (4, 3, 1))):
        (tmp_path / name).mkdir()
        with answering(tmp_path / name, answer) as (address, asked):
            assert identify(address) == Identity(api_version="1.41", podman=podman, uid=uid)
        assert asked[0].startswith(b"GET /_ping HTTP/1.0\r\n")


@pytest.mark.parametrize("answer", [b"", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_what_is_no_engine_is_an_engine_that_does_not_answer(tmp_path: Path, answer: bytes) -> None:
    with answering(tmp_path, answer) as (address, _), pytest.raises(OSError, match=r"."):
        identify(address)


def test_a_name_with_odd_characters_stays_one_path(tmp_path: Path) -> None:
    with answering(tmp_path, b"HTTP/1.1 404 Not Found\r\n\r\n") as (address, asked):
        assert look_up(address, "a b?c") is None
    assert asked[0].startswith(b"GET /images/a%20b%3Fc/json HTTP/1.0\r\n")


@pytest.mark.parametrize(
    ("text", "numbers"), [("4.3.1", (4, 3, 1)), ("5.4.0-rc1", (5, 4, 0)), ("5.5~dev", (5, 5))]
)
def test_versions_can_be_compared(text: str, numbers: tuple[int, ...]) -> None:
    assert version_numbers(text) == numbers


def test_what_is_no_version_is_told() -> None:
    with pytest.raises(ValueError, match="is no version"):
        version_numbers("next")
