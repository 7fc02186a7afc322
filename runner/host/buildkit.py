"""One build through the engine's API: BuildKit in Docker, Buildah in Podman.

The engine takes a plain tar (``POST /build?version=2``); neither buildx nor a client is needed.
BuildKit answers with trace messages, Podman with plain text; both become steps and lines.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

from runner.host.build_trace import TRACE, Vertex, VertexLog, decode_trace
from runner.host.engine_errors import translated

if TYPE_CHECKING:
    import docker

LAST_LINES: Final = 20

HOUSEKEEPING: Final = ("[internal]", "copy /context")
"""How the names of steps begin that are BuildKit's own."""

PLAIN_STEP: Final = re.compile(r"(\[\d+/\d+\] )?STEP \d+", re.IGNORECASE)

CLOSING: Final = ("Successfully ", "--> ", "COMMIT ")
"""How the lines begin with which plain answers report a finished layer or image."""

OnStep = Callable[[str, str | None], None]
"""Called with a step's name and a line of its output; None when the step begins."""


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What the engine is asked to build; ``arguments`` end up in the history, so no secrets.

    The build can be cancelled by its ``name``. ``network`` is ``host``, ``none``, or the engine's
    own where it is empty.
    """

    image: str
    name: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    network: str = ""
    is_podman: bool = False
    use_cache: bool = True

    def parameters(self) -> dict[str, str]:
        """The query of ``POST /build``."""
        asked = {
            "version": "2",
            "t": self.image,
            "dockerfile": "Dockerfile",
            "buildargs": json.dumps(dict(self.arguments), sort_keys=True),
            "labels": json.dumps(dict(self.labels), sort_keys=True),
            "rm": "1",
            "forcerm": "1",
            # Podman would make a layer of each label; Docker does not know this word.
            "layers": "0",
        }
        if self.name:
            asked["buildid"] = self.name
        if self.network == "none" and self.is_podman:
            # It does not know Docker's word for it, and would give the build the host's network.
            asked["networkmode"] = "NetworkDisabled"
            asked["nsoptions"] = json.dumps([{"Name": "network", "Host": False}])
        elif self.network:
            asked["networkmode"] = self.network
        if not self.use_cache:
            asked["nocache"] = "1"
        return asked


@dataclass(frozen=True, kw_only=True)
class BuildFailure:
    """Why a build failed: the engine's sentence, the step and the last lines it printed."""

    problem: str
    step: str
    last_lines: tuple[str, ...]


def send_build(
    api: "docker.APIClient", request: BuildRequest, context: IO[bytes], on_step: OnStep
) -> BuildFailure | None:
    """Build and tag one image; None when that worked.

    Raises EngineUnavailableError when the engine is lost on the way.
    """
    progress = BuildAnswer(on_step)
    raw: Any = api  # version 2 of /build has no public method in the SDK
    with translated(str(api.base_url)):
        response = raw._post(
            raw._url("/build"),
            params=request.parameters(),
            data=context,
            headers={"Content-Type": "application/x-tar"},
            stream=True,
            timeout=None,
        )
        raw._raise_for_status(response)
        with response:
            for line in _json_lines(response.iter_content(chunk_size=None)):
                progress.take(line)
    return progress.failure()


def _json_lines(chunks: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (json.loads(line) for line in lines if line.strip())
    if rest.strip():
        yield json.loads(rest)


class BuildAnswer:
    """Follows the engine's answer: which step runs, what it printed, how it ended."""

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self._names: dict[str, str] = {}
        self._begun: set[str] = set()
        self._rests: dict[str, bytes] = {}
        self._tails: dict[str, deque[str]] = {}
        self._failed = ""
        self._current = ""
        self._problem = ""

    def take(self, message: Mapping[str, Any]) -> None:
        """One JSON line of the answer. Raises ValueError for a trace that cannot be read."""
        if message.get("id") == TRACE:
            vertices, logs = decode_trace(str(message.get("aux", "")))
            for vertex in vertices:
                self._vertex(vertex)
            for log in logs:
                self._log(log)
        elif text := message.get("stream"):
            self._plain(str(text))
        detail = message.get("errorDetail") or {}
        self._problem = detail.get("message") or message.get("error") or self._problem

    def failure(self) -> BuildFailure | None:
        """What went wrong, once the answer has ended."""
        if not self._problem:
            return None
        step = self._failed or self._current
        self._flush(step)
        return BuildFailure(
            problem=self._problem.strip(),
            step=self._names.get(step, step),
            last_lines=tuple(self._tails.get(step, ())),
        )

    def _vertex(self, vertex: Vertex) -> None:
        self._names[vertex.digest] = vertex.name
        shown = vertex.started and not vertex.name.startswith(HOUSEKEEPING)
        if shown and vertex.digest not in self._begun:
            self._begun.add(vertex.digest)
            self._on_step(vertex.name + (" (unchanged)" if vertex.cached else ""), None)
        if vertex.error:
            self._failed = vertex.digest
        if vertex.completed:
            self._flush(vertex.digest)

    def _log(self, log: VertexLog) -> None:
        self._current = log.vertex
        *lines, rest = (self._rests.get(log.vertex, b"") + log.text).split(b"\n")
        self._rests[log.vertex] = rest
        for line in lines:
            self._line(log.vertex, line.decode(errors="replace"))

    def _plain(self, text: str) -> None:
        for line in text.splitlines():
            if PLAIN_STEP.match(line):
                if ' LABEL "org.' not in line:  # those we asked for say nothing new
                    self._current = line
                    self._on_step(line, None)
            elif self._current and not line.startswith(CLOSING):
                self._line(self._current, line)

    def _line(self, step: str, line: str) -> None:
        # A program that paints over its line has shown its last state behind the last return.
        line = line.rstrip("\r").rpartition("\r")[2].rstrip()
        if line:
            self._tails.setdefault(step, deque(maxlen=LAST_LINES)).append(line)
            self._on_step(self._names.get(step, step), line)

    def _flush(self, step: str) -> None:
        if rest := self._rests.pop(step, b""):
            self._line(step, rest.decode(errors="replace"))
