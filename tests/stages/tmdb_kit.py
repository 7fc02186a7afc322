"""Stage 02's server in tests: how it is reached, and what the stage makes of its answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.models.containers import Container

from tests.stages import tmdb_server as tmdb
from tests.stages.containers import Ended, Setup, Stages

PLAIN = f"http://{tmdb.HOST}:{tmdb.PORT}"
ENCRYPTED = f"https://{tmdb.HOST}:{tmdb.TLS_PORT}"
PROXY = f"http://{tmdb.PROXY_USER}@{tmdb.HOST}:{tmdb.PROXY_PORT}"
PASSWORD = tmdb.PROXY_USER.partition(":")[2]


@dataclass(frozen=True)
class Server:
    """The running server: its network, its authority's certificate, what it was asked."""

    network: str
    folder: Path
    container: Container

    @property
    def certificates(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.container.logs(stderr=False).splitlines()]

    def token(self, text: str = tmdb.TOKEN) -> Path:
        path = self.folder / f"{abs(hash(text))}.token"
        path.write_text(text + "\n")
        return path


@dataclass(frozen=True)
class Ask:
    """Runs the stage in a job of its own, with the server and its token unless said otherwise."""

    stages: Stages
    server: Server
    job: Path

    def __call__(self, *, token: str = tmdb.TOKEN, **config: str) -> Ended:
        secrets = {"tmdb": self.server.token(token), "ca": self.server.certificates}
        setup = Setup(network=self.server.network, secrets=secrets)
        config = {"TMDB_URL": PLAIN, "TMDB_ATTEMPTS": "2", "TMDB_TIMEOUT": "5", **config}
        ended = self.stages.run("02_tmdb", self.job, setup, **config)
        assert nowhere(token, ended.output, self.job)
        assert nowhere(PASSWORD, ended.output, self.job)
        return ended


def nowhere(secret: str, output: str, job: Path) -> bool:
    files = [path for path in job.rglob("*") if path.is_file()]
    return secret not in output and all(secret.encode() not in path.read_bytes() for path in files)


def enrichment(ended: Ended) -> dict[str, Any]:
    assert ended.exit_code == 0, ended.output
    assert ended.manifest["status"] == "success", ended.manifest["reason"]
    found: dict[str, Any] = json.loads((ended.folder / "enrichment.json").read_text())
    return found


def skipped(ended: Ended) -> tuple[str, str]:
    """Why the stage was skipped, in one word and in a sentence that is also its warning."""
    assert (ended.exit_code, ended.manifest["status"]) == (0, "skipped"), ended.output
    assert not (ended.folder / "enrichment.json").exists()
    reason = ended.manifest["reason"]
    assert ended.manifest["warnings"][-1] == reason
    assert reason in ended.output
    assert reason.endswith("The job goes on without TMDB.")
    return ended.manifest["outcome"], reason
