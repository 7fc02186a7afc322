"""From the end of a container to a closed run."""

import contextlib
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.errors import StagerunError, Verdict
from runner.events import Observer, RunStarted
from runner.host.container import Container
from runner.host.machine import free_bytes
from runner.job.folder import Job
from runner.job.journal import STARTED
from runner.job.stop_request import asked_to_stop
from runner.project.stage import StageSpec
from runner.run.attempt import Run
from runner.run.contract import Found, check_contract
from runner.run.facts import Facts
from runner.run.inputs import changed_inputs
from runner.run.judgement import Circumstances, Judgement
from runner.run.output import Output
from runner.run.request import Host
from runner.run.stopwatch import Stopwatch
from runner.run.supervision import Supervision
from runner.run.verdict import judge

if TYPE_CHECKING:
    from runner.gpu.box import GpuBox
    from runner.manifest import RunRecord
    from runner.run.gpu_watch import GpuWatch

CANCEL: Final = "stagerun cancel"


def announce(run: Run, emit: Observer, *, adopted: bool = False) -> None:
    """Tell observers that a container is about to start, or is adopted."""
    request = run.request
    emit(
        RunStarted(
            stage=request.stage.id,
            run_id=run.id,
            image=request.image.name,
            gpus=request.grant.uuids,
            adopted=adopted,
            attempt=request.options.attempt.number,
            attempts=request.options.attempt.of,
        )
    )


def meanwhile(host: Host) -> None:
    """Import what only the end of a run needs, pydantic above all, and clear up after the dead."""
    for name in ("runner.host.sampler", "runner.run.record", "runner.run.closing"):
        importlib.import_module(name)
    if not host.tidying.is_due():
        return
    from runner.run.reaping import reap_containers, reap_private_files

    with contextlib.suppress(StagerunError):
        list(reap_containers(host.engine, host.identity))
        list(reap_private_files(host.identity))


def stop_asked(stage: StageSpec, job: Job, host: Host) -> Callable[[], str | None]:
    """A function that names who asked that this stage be stopped; None while nobody did."""

    def who() -> str | None:
        if host.cancellation.signal is not None:
            return host.cancellation.signal
        return CANCEL if asked_to_stop(job, stage.id, host.began_at) else None

    return who


def supervision(run: Run, emit: Observer) -> Supervision:
    """How to watch over this run."""
    request = run.request
    watch = _gpu_watch(run, emit)
    return Supervision(
        stage=request.stage.id,
        run_id=run.id,
        timeout=request.limits.values.timeout or float("inf"),
        stop_grace=request.project.settings.limits.stop_grace,
        gpus=request.grant.uuids,
        cancellation=run.host.cancellation,
        emit=emit,
        started=lambda: _note_start(run),
        stopped_by=lambda: (
            CANCEL if asked_to_stop(run.job, request.stage.id, run.began_at) else None
        ),
        meanwhile=lambda: meanwhile(run.host),
        watch=watch or (lambda _: None),
        notes=(lambda: watch.notes) if watch else tuple,
    )


def _note_start(run: Run) -> None:
    run.journal.write(STARTED)
    if run.request.held is not None:
        run.request.held.note_started()


def _gpu_watch(run: Run, emit: Observer) -> "GpuWatch | None":
    request = run.request
    if not request.grant.uuids:
        return None
    from runner.run.gpu_request import gpu_box
    from runner.run.gpu_watch import GpuWatch

    def box() -> "GpuBox":
        return gpu_box(request.project.settings.gpu, run.host)

    # Nobody is ended for a figure that nobody set.
    is_set = request.gpu is not None and isinstance(request.gpu.wish.memory, int)
    enforced = request.stage.gpu_enforced and is_set
    return GpuWatch(request.stage, request.grant, box, emit, enforced=enforced)


def output_of(run: Run, emit: Observer) -> Output:
    """Where this run's output goes."""
    os.close(run.job.make_file(run.output_log))
    return output_into(run.output_log, run, emit)


def output_into(log: Path, run: Run, emit: Observer) -> Output:
    """The same with another file for what is no record."""
    return Output(
        stage=run.request.stage.id,
        run_id=run.id,
        log=log,
        emit=emit,
        redaction=run.redaction,
        memory_limit=run.limits["memory"],
    )


def circumstances(run: Run, facts: Facts) -> Circumstances:
    """What the verdict needs beside facts and findings."""
    request = run.request
    uuids = request.grant.uuids
    gone: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    if uuids:
        from runner.run.gpu_end import lost_gpus, notes_at_end

        gone, notes = lost_gpus(run, facts), tuple(notes_at_end(run, facts))
    return Circumstances(
        stage=request.stage,
        limits=request.limits.values,
        disk_free_bytes=free_bytes(run.job.root),
        gpus=uuids,
        gpus_lost=gone,
        notes=notes,
        inputs_changed=tuple(changed_inputs(run.job, request.inputs)),
    )


def keep_if_failed(run: Run, container: Container, facts: Facts, around: Circumstances) -> None:
    """Keep a container whose caller asked for it, unless all is well or its end was wanted."""
    if not run.request.options.keep:
        return
    stage = run.request.stage
    found = check_contract(stage, run.job.stage_folder(stage.id), run.id)
    verdict = judge(facts, found, around).verdict
    if not verdict.good and verdict is not Verdict.CANCELLED:
        container.keep()


def conclude(
    run: Run,
    facts: Facts,
    found: Found,
    judgement: Judgement,
    around: Circumstances,
    clock: Stopwatch,
) -> "RunRecord":
    """Write the record and the job manifest."""
    from runner.run.closing import close
    from runner.run.record import build_record

    record = build_record(run, facts, found, judgement, around, clock.laps_ms)
    record = run.redaction.record(record)
    close(run.job, record)
    if run.request.grant.uuids:
        from runner.run.gpu_end import learn_peaks

        learn_peaks(run, facts, record)
    return record
