"""What containers really did, as the engine tells it while it happens, past the runner."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import docker

from runner.host.engine import LABEL, engine_address

PATIENCE_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 0.005


@dataclass
class Truth:
    """Starts and ends of containers, by run id, and which of them somebody killed."""

    folder: Path
    started: set[str] = field(default_factory=set)
    exit_codes: dict[str, int] = field(default_factory=dict)
    killed: set[str] = field(default_factory=set)
    _kill_asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _guard: threading.Condition = field(default_factory=threading.Condition)

    def note(self, event: dict[str, Any]) -> None:
        """Take down what the engine says."""
        labels = event["Actor"]["Attributes"]
        run_id = labels.get(f"{LABEL}run")
        if run_id is None or not labels[f"{LABEL}job"].startswith(f"{self.folder}/"):
            return
        key = key_of(Path(labels[f"{LABEL}job"]), run_id)
        with self._guard:
            if event["Action"] == "start":
                self.started.add(key)
            elif event["Action"] == "die":
                self.exit_codes[key] = int(labels["exitCode"])
            self._guard.notify_all()

    def exit_code(self, job: Path, run_id: str) -> int | None:
        """The exit code of a container; None when it has not ended."""
        key = key_of(job, run_id)
        with self._guard:
            self._guard.wait_for(lambda: key in self.exit_codes, PATIENCE_SECONDS)
            return self.exit_codes.get(key)

    def has_started(self, job: Path, run_id: str) -> bool:
        """Whether the container of a run ever ran."""
        with self._guard:
            return key_of(job, run_id) in self.started


def key_of(job: Path, run_id: str) -> str:
    """Run ids are unique in their job only."""
    return f"{job.name} {run_id}"


@contextmanager
def truth_of(folder: Path) -> Iterator[tuple[Truth, "docker.APIClient"]]:
    """Listen to the engine for the time of the block."""
    client = docker.APIClient(base_url=engine_address(), timeout=60)
    truth = Truth(folder)
    # No finer: Podman finds no event by the name of a label alone.
    events = client.events(filters={"type": ["container"]}, decode=True)

    def listen() -> None:
        for event in events:
            truth.note(event)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield truth, client
    finally:
        events.close()
        listener.join(PATIENCE_SECONDS)
        client.close()


def kill_container(client: "docker.APIClient", job: Path, truth: Truth, seconds: float) -> bool:
    """Wait that long at most for a container of a job that runs, and kill it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for item in client.containers(filters={"label": f"{LABEL}job={job}"}):
            truth.killed.add(key_of(job, item["Labels"][f"{LABEL}run"]))
            try:
                client.kill(item["Id"])
            except docker.errors.APIError:
                continue
            return True
        time.sleep(PAUSE_SECONDS)
    return False
