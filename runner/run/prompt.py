"""A container as a run would have it, with a prompt in place of the stage's program.

Nothing of it counts. It has a folder of a run, but its journal stays empty, so that whoever finds
it takes it for a run that never began; the stage's folder in the container is a fresh one, as a run
has, but for ``.cache/``, and goes at the end. The stage's lock is held meanwhile.
"""

import contextlib
import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from runner.events import Observer
from runner.host.container import Container, ContainerSpec, Mount
from runner.job.folder import Job
from runner.job.lock import stage_lock
from runner.job.removal import remove_folder
from runner.project.pipeline import Project
from runner.project.stage import StageSpec
from runner.run.admission import admit
from runner.run.attempt import CONTAINER_JOB, Run, container_of, new_run
from runner.run.conclusion import stop_asked
from runner.run.left_containers import PROMPT, remove_containers
from runner.run.outcome import waiting
from runner.run.private_files import forget, lay_down
from runner.run.recovery import recover
from runner.run.request import Host, Request, RunOptions, resolve
from runner.run.request_document import request_document

FOLDER: Final = "prompt"
SHELL: Final = (
    "/bin/sh",
    "-c",
    r'if command -v bash >/dev/null; then PS1="$STAGERUN_STAGE:\w\$ " exec bash --norc -i; fi; '
    'PS1="$STAGERUN_STAGE> " exec sh -i',
)


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A container that was created for a prompt; ``program`` is what a run would start in it."""

    container: Container
    program: str
    notices: tuple[str, ...]


@contextlib.contextmanager
def prompt(
    stage: StageSpec, project: Project, job: Job, host: Host, *, options: RunOptions, emit: Observer
) -> Iterator[Prompt]:
    """Create the container of a run with a shell in it; at the end all is as it was before.

    Raises as ``run_stage`` does, and StageBusyError where a dead runner left a run to go on with.
    """
    stopped = stop_asked(stage, job, host)
    with stage_lock(
        job,
        stage.id,
        wait_seconds=options.wait_seconds,
        waiting=waiting(stage, emit),
        cancelled=stopped,
    ):
        recover(stage, project, job, host, emit, adopts=False)
        request = resolve(stage, project, job, host, options)
        remove_containers(stage.id, job, host)
        with (
            admit(request, job, host, stopped, emit) as request,
            _place(request, job, host) as run,
            container_of(run, _spec(run)) as container,
        ):
            image = host.engine.image(request.image.digest)
            program = shlex.join(image.command if image else ())
            yield Prompt(container=container, program=program, notices=request.notices)


@contextlib.contextmanager
def _place(request: Request, job: Job, host: Host) -> Iterator[Run]:
    """What the container reads and where it writes, for the time of the block."""
    run = new_run(request, job, host)
    try:
        with _mount_point(job, job.stage_folder(request.stage.id)):
            job.make_folder(run.folder / FOLDER)
            lay_down(job, run.id, run.private_files(), host.identity)
            document = request_document(request, job, run.id)
            job.write(run.folder / "request.json", json.dumps(document, indent=1))
            yield run
    finally:
        forget(job, run.id)
        remove_folder(run.folder)


@contextlib.contextmanager
def _mount_point(job: Job, folder: Path) -> Iterator[None]:
    """A stage that never ran has no folder yet over which another could be mounted."""
    is_new = not os.path.lexists(folder)
    job.make_folder(folder)
    try:
        yield
    finally:
        # Whoever else puts something there keeps it.
        with contextlib.suppress(OSError):
            if is_new:
                folder.rmdir()


def _spec(run: Run) -> ContainerSpec:
    spec = run.container_spec()
    own = f"{CONTAINER_JOB}/{run.request.stage.id}"
    scratch = Mount(source=str(run.folder / FOLDER), target=own, read_only=False)
    return replace(
        spec,
        mounts=tuple(scratch if mount.target == own else mount for mount in spec.mounts),
        labels={**spec.labels, PROMPT: "yes"},
        entrypoint=SHELL,
        terminal=True,
    )
