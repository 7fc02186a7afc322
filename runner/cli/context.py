"""What every verb needs: the project, the machine, and how the caller wants to be told."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from runner.errors import UsageError
from runner.events import Notice, Observer
from runner.host.engine import DockerEngine
from runner.host.machine import ProcessIdentity
from runner.job.folder import Job
from runner.project.pipeline import Project, find_project, load_project
from runner.run.cancellation import Cancellation
from runner.run.request import Host

if TYPE_CHECKING:
    from runner.observers.console import Console
    from runner.observers.jobs_console import JobsConsole
    from runner.observers.jsonl import JsonLines
    from runner.observers.pipeline_log import PipelineLog

    Teller: TypeAlias = Console | JobsConsole | JsonLines


@dataclass
class Context:
    """One call of the command line."""

    project_folder: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    cancellation: Cancellation = field(default_factory=Cancellation)

    @cached_property
    def folder(self) -> Path:
        """Where the caller stands."""
        return Path.cwd()

    @cached_property
    def project(self) -> Project:
        """The project that the caller stands in, or named. Raises UsageError or its kin."""
        return load_project(find_project(self.folder, self.project_folder))

    def nearby_project(self) -> Project | None:
        """The project, or None where the caller neither stands in one nor named one."""
        try:
            find_project(self.folder, self.project_folder)
        except UsageError:
            if self.project_folder is not None:
                raise
            return None
        return self.project

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
    def terminal(self) -> bool:
        """Whether standard output takes cursor movement."""
        return sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not self.json

    @property
    def colour(self) -> bool:
        """Whether standard output takes colours."""
        return self.terminal and not os.environ.get("NO_COLOR")

    @contextlib.contextmanager
    def observing(self, *, many: bool = False) -> Iterator["Teller"]:
        """The observer that tells the user: on the terminal, or as JSON; of ``many`` jobs, or few.

        On a terminal many jobs are one table, unless the user wants to hear all.
        """
        from runner.observers.stream import Stream

        out = Stream(sys.stdout)
        if self.json:
            from runner.observers.jsonl import JsonLines

            yield JsonLines(out)
            return
        from runner.observers.console import Console, Manner, terminal_width
        from runner.observers.lines import shortened_from

        live = self.terminal
        manner = Manner(
            live=live,
            colour=self.colour,
            quiet=self.quiet,
            verbose=self.verbose,
            width=terminal_width if live else lambda: None,
            shorten=shortened_from(str(self.folder)),
        )
        if many and live and not (self.quiet or self.verbose):
            from runner.observers.jobs_console import JobsConsole

            with contextlib.closing(JobsConsole(out, manner)) as table:
                yield table
            return
        with contextlib.closing(Console(out, Stream(sys.stderr), manner)) as console:
            yield console

    @contextlib.contextmanager
    def observing_job(self, job: Job, tell: "Teller", label: str = "") -> Iterator[Observer]:
        """The observer of one job: it tells the user and writes the job's pipeline log."""
        observer, log = self.job_observer(job, tell, label)
        try:
            yield observer
        finally:
            log.close()

    def job_observer(
        self, job: Job, tell: "Teller", label: str = ""
    ) -> "tuple[Observer, PipelineLog]":
        """The same, and the log; once it is closed, a later event opens it again."""
        from runner.observers.pipeline_log import PipelineLog
        from runner.observers.together import together

        log = PipelineLog(job, lambda text: tell(Notice(stage=None, message=text)))
        return together(tell.of_job(str(job.root), label), log), log
