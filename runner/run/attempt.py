"""One run from its intent to its record: the journal, the space, the container's spec."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from runner.errors import EngineError, SettingsError
from runner.host.container import Container, ContainerSpec, Mount
from runner.host.machine import cpu_count
from runner.job.folder import Job
from runner.job.journal import CLOSED, CONTAINER, INTENT, STARTED, Journal, journal_of
from runner.run.kept_request import kept_request
from runner.run.left_containers import KEEP, note_left, remove_containers, run_labels, stage_labels
from runner.run.private_files import SECRET, forget, kept_file, lay_down, private_folder
from runner.run.redaction import Redaction, redaction_of
from runner.run.request import CONTAINER_MODELS, Host, Request
from runner.run.request_document import request_document
from runner.run.stage_folder import put_back, set_aside

CONTAINER_JOB: Final = "/job"
RESERVE: Final = "reserve"
RESERVE_BYTES: Final = 256 << 10


@dataclass(frozen=True, kw_only=True)
class Run:
    """One attempt of one stage."""

    id: str
    request: Request
    job: Job
    host: Host
    began_at: datetime
    journal: Journal

    @property
    def folder(self) -> Path:
        """``.stagerun/runs/<run id>``."""
        return self.job.run_folder(self.id)

    @property
    def output_log(self) -> Path:
        """What the container printed beside its records."""
        return self.folder / "output.log"

    @property
    def limits(self) -> dict[str, Any]:
        """The limits that the container gets: processors at most as many as the machine has."""
        asked = asdict(self.request.limits.values)
        return {**asked, "cpus": min(asked["cpus"], cpu_count())}

    def labels(self) -> dict[str, str]:
        """What tells later runners whose container this is."""
        stage = stage_labels(self.job, self.request.stage.id)
        kept = {KEEP: "if it fails"} if self.request.options.keep else {}
        return stage | kept | run_labels(self.id, self.host.identity)

    def container_spec(self) -> ContainerSpec:
        """The container, as the contract has it."""
        request, limits = self.request, self.limits
        facts = request.stage
        return ContainerSpec(
            name=f"stagerun-{facts.id}-{self.id}-{os.urandom(2).hex()}",
            image=request.image.digest,
            user=self.host.engine.user(*self.job.owner),
            mounts=tuple(self._mounts()),
            environment=self._environment(),
            labels=self.labels(),
            memory=limits["memory"],
            cpus=limits["cpus"],
            pids=limits["pids"],
            tmp=limits["tmp"],
            shm=limits["shm"],
            network=request.project.settings.network.name if facts.network else "none",
            gpus=request.grant.uuids,
        )

    def _mounts(self) -> Iterator[Mount]:
        request, stage = self.request, self.request.stage
        yield Mount(source=str(self.job.root), target=CONTAINER_JOB)
        yield Mount(
            source=str(self.job.stage_folder(stage.id)),
            target=f"{CONTAINER_JOB}/{stage.id}",
            read_only=False,
        )
        read = {file.path for file in request.inputs}
        for name, real in self.job.references.items():
            placeholder = f"input/{self.job.inputs.get(name)}"
            if placeholder in read:
                yield Mount(source=str(real), target=f"{CONTAINER_JOB}/{placeholder}")
        if request.models and request.project.settings.models is not None:
            yield Mount(source=str(request.project.settings.models), target=CONTAINER_MODELS)
        for name in request.secrets:
            source = private_folder(self.job, self.id) / f"{SECRET}{name}"
            yield Mount(source=str(source), target=f"/run/secrets/{name}")
        yield from request.site.mounts(lambda: private_folder(self.job, self.id))
        if request.options.dev:
            yield Mount(source=str(stage.folder), target=f"/app/{stage.id}")
            if (library := request.project.root / "shared").is_dir():
                yield Mount(source=str(library), target="/app/shared")

    @cached_property
    def secrets(self) -> dict[str, bytes]:
        """What the secrets were when the run began, by name. Raises SettingsError."""
        return {
            name: kept_file(self.job, self.id, f"{SECRET}{name}") or _secret(name, path)
            for name, path in self.request.secrets.items()
        }

    @cached_property
    def redaction(self) -> Redaction:
        """What must be told nowhere. Raises SettingsError."""
        return redaction_of(self.secrets.values(), self.request.site.proxies.values())

    def private_files(self) -> dict[str, bytes]:
        """What only this run's container may read. Raises SettingsError."""
        secrets = {f"{SECRET}{name}": data for name, data in self.secrets.items()}
        return secrets | self.request.site.files()

    def _environment(self) -> dict[str, str]:
        environment = {
            "OUTPUT_DIR": CONTAINER_JOB,
            "STAGERUN_STAGE": self.request.stage.id,
            "STAGERUN_RUN_ID": self.id,
            "HOME": "/tmp",
            **self.request.site.environment(),
        }
        if self.request.grant.uuids:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(self.request.grant.uuids)
        return environment


def _secret(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        msg = f"{path}, the secret {name!r} of stagerun.yaml, cannot be read: {problem.strerror}."
        raise SettingsError(msg) from None


@contextlib.contextmanager
def begin(request: Request, job: Job, host: Host) -> Iterator[Run]:
    """Journal the intent and give the stage a fresh folder.

    A run that ends before its container has started puts the old folder back; one that breaks off
    later is closed with the reason; one of which the engine cannot say is left to the next runner.
    Raises StageBusyError while a container of that job and stage lives.
    """
    stage_id = request.stage.id
    remove_containers(stage_id, job, host)
    run = new_run(request, job, host)
    run.journal.write(
        INTENT,
        stage_id=stage_id,
        run_id=run.id,
        fingerprint=request.fingerprint,
        image=request.image.digest,
        owner=asdict(host.identity),
        request=kept_request(request),
    )
    try:
        reserve_space(job, run.id)
        set_aside(job, stage_id, run.journal)
        lay_down(job, run.id, run.private_files(), host.identity)
        job.write(
            run.folder / "request.json",
            json.dumps(request_document(request, job, run.id), indent=1),
        )
        yield run
    except BaseException as problem:
        if has_started(run.journal):
            from runner.run.ended import close_broken_off

            close_broken_off(run, problem)
        elif not _may_live(run):
            put_back(job, stage_id, run.journal)
            release_space(job, run.id)
            forget(job, run.id)
            run.journal.write(
                CLOSED, verdict=getattr(problem, "verdict", None), reason=str(problem)
            )
        raise


@contextlib.contextmanager
def container_of(run: Run, spec: ContainerSpec | None = None) -> Iterator[Container]:
    """The run's container for the time of the block; one that stays is noted for the next call.

    Without a ``spec`` it is as the contract has it. Raises what the engine raises.
    """
    container, held = None, run.request.held
    try:
        with run.host.engine.container(spec or run.container_spec()) as container:
            if held is not None:
                held.note_container(run.id, container.id)
            yield container
    finally:
        if container is not None and container.left:
            if held is not None:
                held.is_left = True
            note_left(run.job, run.request.stage.id)


def _may_live(run: Run) -> bool:
    """Whether a container that was not seen to run may be running all the same."""
    # Whatever is started was journalled before.
    if all(step["step"] != CONTAINER for step in run.journal.read()):
        return False
    try:
        found = run.host.engine.containers(run.labels())
        return any(container.state().is_running for container in found)
    except EngineError:
        return True


def reserve_space(job: Job, run_id: str) -> None:
    """Set space aside for the records of this run, should its stage fill the disk.

    Raises OSError where there is not even that much.
    """
    descriptor = job.make_file(job.run_folder(run_id) / RESERVE)
    try:
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
    finally:
        os.close(descriptor)


def release_space(job: Job, run_id: str) -> None:
    """Give the space back that was set aside."""
    (job.run_folder(run_id) / RESERVE).unlink(missing_ok=True)


def has_started(journal: Journal) -> bool:
    """Whether the container of a run was seen to run."""
    return any(step["step"] == STARTED for step in journal.read())


def new_run(request: Request, job: Job, host: Host) -> Run:
    """A run with a folder and an empty journal: until that is written to, it has not begun."""
    began_at = datetime.now(UTC)
    while True:
        run_id = f"{began_at:%Y%m%d-%H%M}-{os.urandom(2).hex()}"
        try:
            job.run_folder(run_id).mkdir(parents=True)
        except FileExistsError:
            continue
        journal = journal_of(job, run_id)
        os.close(job.make_file(journal.path))
        job.give(job.run_folder(run_id))
        return Run(
            id=run_id,
            request=request,
            job=job,
            host=host,
            began_at=began_at,
            journal=journal,
        )
