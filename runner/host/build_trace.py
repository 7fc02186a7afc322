"""What BuildKit tells while it builds: its ``moby.buildkit.trace`` messages, decoded.

They are protocol buffers (``StatusResponse`` of BuildKit's control API) in base64 inside the
answer's JSON lines. The few fields that are shown are read here without generated code.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

TRACE: Final = "moby.buildkit.trace"

# Field numbers of StatusResponse, Vertex and VertexLog.
STATUS_VERTEX, STATUS_LOG = 1, 3
VERTEX_DIGEST, VERTEX_NAME, VERTEX_CACHED = 1, 3, 4
VERTEX_STARTED, VERTEX_COMPLETED, VERTEX_ERROR = 5, 6, 7
LOG_VERTEX, LOG_TEXT = 1, 4

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MORE: Final = 0x80
"""The bit of a varint's byte that says that another one follows."""


@dataclass(frozen=True, kw_only=True)
class Vertex:
    """A step of the build as of now."""

    digest: str
    name: str
    cached: bool
    started: bool
    completed: bool
    error: str


@dataclass(frozen=True, kw_only=True)
class VertexLog:
    """A piece of a step's output, not always whole lines."""

    vertex: str
    text: bytes


def decode_trace(aux: str) -> tuple[list[Vertex], list[VertexLog]]:
    """The steps and outputs in one message. Raises ValueError for anything else."""
    vertices, logs = [], []
    for number, value in _fields(base64.b64decode(aux, validate=True)):
        if number == STATUS_VERTEX and isinstance(value, bytes):
            vertices.append(_vertex(value))
        elif number == STATUS_LOG and isinstance(value, bytes):
            logs.append(_log(value))
    return vertices, logs


def _vertex(message: bytes) -> Vertex:
    found = dict(_fields(message))
    return Vertex(
        digest=_text(found.get(VERTEX_DIGEST)),
        name=_text(found.get(VERTEX_NAME)),
        cached=bool(found.get(VERTEX_CACHED)),
        started=VERTEX_STARTED in found,
        completed=VERTEX_COMPLETED in found,
        error=_text(found.get(VERTEX_ERROR)),
    )


def _log(message: bytes) -> VertexLog:
    found = dict(_fields(message))
    text = found.get(LOG_TEXT, b"")
    return VertexLog(
        vertex=_text(found.get(LOG_VERTEX)), text=text if isinstance(text, bytes) else b""
    )


def _text(value: int | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Each field's number and value, in the order of the message."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == BYTES:
            size, place = _varint(message, place)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            msg = f"field {number} has the unknown wire type {kind}"
            raise ValueError(msg)
        if place + size > len(message):
            msg = f"field {number} is longer than its message"
            raise ValueError(msg)
        yield number, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message):
        byte = message[place]
        place += 1
        value |= (byte & ~MORE) << shift
        if not byte & MORE:
            return value, place
        shift += 7
    msg = "the message ends inside a number"
    raise ValueError(msg)
