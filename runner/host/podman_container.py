"""A container of Podman: what it answers otherwise than Docker through the same API."""

import json
from dataclasses import replace
from urllib.parse import urlencode

from runner.errors import EngineError
from runner.host.container import ContainerState
from runner.host.docker_container import DockerContainer
from runner.host.engine_errors import translated
from runner.host.engine_request import get


class PodmanContainer(DockerContainer):
    """Podman reports no kill for memory, and a removed container as one that ended well."""

    def wait(self) -> int:
        """As with Docker, but that only the events know how a removed container ended."""
        with translated(self._address):
            answer = self._api.wait(self.id, timeout=None)
        if not answer.get("Error"):
            return int(answer["StatusCode"])
        code = self._code_of_end()
        if code is None:
            msg = (
                "the container was removed while it ran, and the engine does not tell how it "
                f"ended: {answer['Error'].get('Message', '')}"
            )
            raise EngineError(msg)
        return code

    def _code_of_end(self) -> int | None:
        filters = json.dumps({"container": [self.id], "event": ["died"]})
        # Not "until": with an end in the past Podman mostly tells nothing at all.
        query = urlencode(
            {"stream": "false", "since": f"{self._created - 1:.9f}", "filters": filters}
        )
        with translated(self._address):
            lines = get(self._address, f"/events?{query}").body.splitlines()
        try:
            attributes = json.loads(lines[-1])["Actor"]["Attributes"]
            return int(attributes["containerExitCode"])
        except (IndexError, KeyError, ValueError):
            return None

    def state(self) -> ContainerState:
        """As with Docker, but that the flag is never a no."""
        state = super().state()
        return replace(state, oom_killed=state.oom_killed or None)

    def had_oom_event(self) -> bool | None:
        """It has no such event: the kernel's own count, which the entry point reports, tells."""
        return None
