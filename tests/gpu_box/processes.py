"""Processes as the host knows them, also those that know themselves by another number."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from runner.host.cgroup import find_cgroup
from runner.host.engine import LABEL

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the host; ``started`` is the kernel's clock tick, for numbers come again."""

    pid: int
    started: str

    @property
    def is_alive(self) -> bool:
        """Whether it runs: of one that has ended and was not waited for, the driver keeps nothing.

        A GPU's memory comes back with the end of a process, not with the reading of its exit code.
        """
        return process(self.pid) == self


def process(pid: int) -> Process | None:
    """The process with that number as it is now; None when it has ended."""
    with suppress(OSError, IndexError):
        # The name, in parentheses, may hold blanks and parentheses of its own.
        words = (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return None if words[0] in {"Z", "X"} else Process(pid, words[19])
    return None


@dataclass
class ContainerProcesses:
    """Finds the processes of an engine's containers by the run and by their number inside."""

    client: docker.DockerClient
    _known: dict[tuple[str, int], Process] = field(default_factory=dict)

    def find(self, run_id: str, inner_pid: int) -> Process | None:
        """The host's process; None when the run has no such container or process any more."""
        known = self._known.get((run_id, inner_pid))
        if known and known.is_alive:
            return known
        for pid in self._host_pids(run_id):
            if _inner_pid(pid) == inner_pid and (found := process(pid)):
                self._known[run_id, inner_pid] = found
                return found
        return None

    def _host_pids(self, run_id: str) -> frozenset[int]:
        wanted = {"label": f"{LABEL}run={run_id}"}
        for container in self.client.api.containers(filters=wanted):
            state: Mapping[str, Any] = self.client.api.inspect_container(container["Id"])["State"]
            if cgroup := find_cgroup(state["Pid"]):
                return cgroup.pids()
        return frozenset()


def _inner_pid(pid: int) -> int | None:
    with suppress(OSError, StopIteration):
        lines = (PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines()
        line = next(line for line in lines if line.startswith("NSpid:"))
        return int(line.split()[-1])
    return None


Finder = Callable[[str, int], Process | None]
"""From a run id and a number inside a container to a process of the host."""
