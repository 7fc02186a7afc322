"""One request to the engine without the docker SDK, and what it tells about the engine."""

import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

TIMEOUT_SECONDS: Final = 60.0
CREDENTIALS: Final = struct.Struct("3i")
"""How the kernel tells who serves a socket: process, user and group."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine answered; names of headers are in lower case, ``uid`` is who serves it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    uid: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Which engine answers: the version of Docker's API that it speaks, Podman's own version
    (None for Docker), and the user that it belongs to.
    """

    api_version: str
    podman: tuple[int, ...] | None
    uid: int


def get(address: str, path: str) -> Answer:
    """The answer to one GET; ``address`` is a ``unix://`` address, the path is quoted.

    Raises OSError, or ValueError for something that is no answer.
    """
    # HTTP/1.0: the answer is not chunked and ends with the connection.
    request = f"GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(address.removeprefix("unix://"))
        _, uid, _ = CREDENTIALS.unpack(
            connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        )
        connection.sendall(request.encode("ascii"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    protocol, _, rest = first.partition(" ")
    if not protocol.startswith("HTTP/"):
        problem = "it does not answer as an engine does"
        raise ValueError(problem)
    return Answer(int(rest.partition(" ")[0]), headers, body, uid)


def identify(address: str) -> Identity:
    """Ask the engine who it is. Raises OSError, also for something that is no engine."""
    try:
        answer = get(address, "/_ping")
        podman = answer.headers.get("libpod-api-version")
        api_version = answer.headers["api-version"]
        return Identity(api_version, version_numbers(podman) if podman else None, answer.uid)
    except (KeyError, ValueError) as problem:
        raise ConnectionError(str(problem)) from problem


def version_numbers(text: str) -> tuple[int, ...]:
    """``4.3.1-dev`` as (4, 3, 1), to be compared. Raises ValueError."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    if found is None:
        problem = f"{text!r} is no version"
        raise ValueError(problem)
    return tuple(int(number) for number in found[0].split("."))
