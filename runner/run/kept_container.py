"""The container of a run that failed, kept to be looked into, and how to do so.

It is there until somebody asks for its removal, stopped and with all that it was made of: no later
run goes on with it, and nobody takes it for what a dead runner left.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from runner.host.engine import DEFAULT_SOCKET, Engine
from runner.job.folder import Job
from runner.run.attempt import Run
from runner.run.left_containers import JOB, RUN, is_kept
from runner.run.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class KeptContainer:
    """A kept container, and the commands that look into it, each as one line of a shell.

    ``inside`` is None where it cannot be looked into: its secrets went with its run.
    """

    name: str
    inside: str | None
    output: str
    removal: str


def kept_container(outcome: Outcome, job: Job, engine: Engine) -> KeptContainer | None:
    """What was kept of the run that came to this end. Raises EngineUnavailableError."""
    run = outcome.ran
    if run is None or not run.request.options.keep:
        return None
    for container in engine.our_containers():
        labels = container.labels
        is_ours = (labels[JOB], labels.get(RUN)) == (str(job.root), run.id)
        if is_ours and is_kept(labels):
            return _described(container.name, run, engine)
    return None


def _described(name: str, run: Run, engine: Engine) -> KeptContainer:
    # Its mounts once more, and none of them to be written: what a run left stays as it is.
    inside = (
        "run", "--rm", "-it", "--volumes-from", f"{name}:ro", "--tmpfs", "/tmp", "--read-only",
        "--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
        "--user", engine.user(*run.job.owner), "--entrypoint", "/bin/sh",
        run.request.image.digest,
    )  # fmt: skip
    program = _program(engine)
    return KeptContainer(
        name=name,
        inside=None if run.private_files() else shlex.join((*program, *inside)),
        output=shlex.join((*program, "logs", name)),
        removal=shlex.join((*program, "rm", name)),
    )


def _program(engine: Engine) -> Sequence[str]:
    """How the engine's own program is called, so that it reaches this engine."""
    program, option = ("podman", "--url") if engine.facts().is_podman else ("docker", "--host")
    return (program,) if engine.address == DEFAULT_SOCKET else (program, option, engine.address)
