"""What every verb needs: the project, the machine, and how the caller wants to be told."""

import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from runner.host.engine import DockerEngine
from runner.host.machine import ProcessIdentity
from runner.project.pipeline import Project, find_project, load_project
from runner.run.cancellation import Cancellation
from runner.run.request import Host


@dataclass
class Context:
    """One call of the command line."""

    project_folder: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    cancellation: Cancellation = field(default_factory=Cancellation)

    @cached_property
    def project(self) -> Project:
        """The project that the caller stands in, or named. Raises UsageError or its kin."""
        return load_project(find_project(Path.cwd(), self.project_folder))

    @cached_property
    def engine(self) -> DockerEngine:
        """The engine of this machine. Raises RemoteEngineError."""
        return DockerEngine()

    @cached_property
    def host(self) -> Host:
        """The machine as runs need it."""
        from runner.host.gpu import inventory

        return Host(
            engine=self.engine,
            inventory=inventory,
            cancellation=self.cancellation,
            identity=ProcessIdentity.current(),
        )

    @property
    def colour(self) -> bool:
        """Whether standard output takes colours and cursor movement."""
        import os

        return sys.stdout.isatty() and "NO_COLOR" not in os.environ and not self.json
