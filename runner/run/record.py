"""The run record, put together from the request, the facts, the findings and the verdict.

Needs pydantic, so it is imported while the container runs.
"""

import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from runner.attempt_record import AttemptRecord
from runner.errors import Verdict
from runner.host.container import ContainerState
from runner.host.machine import ProcessIdentity
from runner.job.fingerprint import BLOCK, DigestStore, file_digest, is_hollow
from runner.job.folder import Job
from runner.manifest import (
    ConfigValue,
    Evidence,
    Finding,
    GpuGrant,
    ImageReference,
    InputFile,
    LimitDifference,
    Limits,
    LogFile,
    ModelFiles,
    OutputFile,
    RunnerIdentity,
    RunRecord,
)
from runner.project.quantity import limit_text
from runner.project.stage import StageSpec
from runner.run.attempt import Run
from runner.run.contract import Found
from runner.run.facts import Facts
from runner.run.findings import REPORTED
from runner.run.judgement import Circumstances, Judgement
from runner.run.measured import gpu_curves, usage
from runner.run.request import Request
from runner.run.retry import Attempt
from runner.stage_document import StageStatus
from runner.version import VERSION

SUMMARY_LENGTH: Final = 80
NAMES_SHOWN: Final = 4
WARNING_LENGTH: Final = 1000


def build_record(
    run: Run,
    facts: Facts,
    found: Found,
    judgement: Judgement,
    around: Circumstances,
    overheads_ms: Mapping[str, float],
) -> RunRecord:
    """All that is known about a run."""
    known = draft(run, facts, around, overheads_ms)
    return completed(known, run.job, run.request.stage, found, judgement)


def completed(
    known: RunRecord, job: Job, stage: StageSpec, found: Found, judgement: Judgement
) -> RunRecord:
    """A draft with what came of the run; the outputs of a success are hashed here, once."""
    is_success = judgement.verdict == Verdict.SUCCESS
    return known.model_copy(
        update={
            "verdict": judgement.verdict,
            "reason": judgement.reason,
            "advice": judgement.advice,
            "summary": _summary(found),
            "outputs": hash_outputs(job, stage, found) if is_success else [],
            "stage_log": hash_log(job, stage),
            "evidence": known.evidence.model_copy(update=_manifest_evidence(found)),
            "findings": _findings(found),
            "findings_total": len(found.problems) + found.left_out,
            "warnings": _warnings(known.warnings, found, judgement),
        }
    )


def draft(
    run: Run, facts: Facts, around: Circumstances, overheads_ms: Mapping[str, float]
) -> RunRecord:
    """What is known when a container has ended and nobody has looked yet at what it left."""
    request, asked = run.request, asdict(run.request.limits.values)
    return RunRecord(
        run_id=run.id,
        stage_id=request.stage.id,
        job=run.job.name,
        variant=request.variant,
        dev=request.options.dev,
        attempt=attempt_record(request.options.attempt),
        verdict=Verdict.RUNNER_LOST,
        reason="",
        started_at=facts.started_at,
        ended_at=facts.ended_at,
        duration_seconds=round(facts.duration_seconds, 3),
        media_seconds=facts.media_seconds and round(facts.media_seconds, 3),
        image=ImageReference(name=request.image.name, digest=request.image.digest),
        container_id=facts.container_id,
        fingerprint=request.fingerprint,
        components=dict(request.components),
        config={
            key: ConfigValue(value=value.value, source=value.source)
            for key, value in request.config.items()
        },
        models={
            name: ModelFiles(folder=model.name, files=model.files)
            for name, model in request.models.items()
        },
        inputs=[InputFile(**asdict(file)) for file in request.inputs],
        limits_asked=_limits(asked),
        limits_effective=_effective_limits(facts.state, asked),
        limit_differences=limit_differences(run, facts.state),
        usage=usage(facts),
        gpu=_gpu_grant(request),
        gpu_curve=gpu_curves(facts),
        overheads_ms={name: round(value, 1) for name, value in overheads_ms.items()},
        evidence=_evidence(facts, around),
        warnings=[*request.notices, *around.notes],
        runner=runner_identity(run.host.identity),
    )


def _gpu_grant(request: Request) -> GpuGrant:
    grant, asked = request.grant, request.gpu
    return GpuGrant(
        need=request.stage.gpu,
        asked=None
        if asked is None
        else asked.wish.memory or max(asked.wish.learnt.values(), default=None),
        source=asked.source if asked else None,
        uuids=list(grant.uuids),
        names=list(grant.names),
        memory_bytes=list(grant.shares),
        fallback=grant.fallback_reason,
    )


def _summary(found: Found) -> str:
    """What the stage says of its result in a few words, else the names of its files."""
    said = (found.manifest.model_extra or {}).get("summary") if found.manifest else None
    if isinstance(said, str) and said.isprintable():
        return said[:SUMMARY_LENGTH]
    names = [entry.path for _, entry in found.outputs]
    rest = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def hash_outputs(job: Job, stage: StageSpec, found: Found) -> list[OutputFile]:
    """The outputs with their digests; each file is read once."""
    types = {output.name: output.type for output in stage.outputs}
    digests = DigestStore(job)
    outputs = [
        OutputFile(
            name=name,
            path=f"{stage.id}/{entry.path}",
            type=types[name],
            size_bytes=entry.size,
            checksum=digests.digest(job.stage_folder(stage.id) / entry.path),
        )
        for name, entry in found.outputs
    ]
    digests.save()
    return outputs


def hash_log(job: Job, stage: StageSpec) -> LogFile | None:
    """Size and digest of what the stage wrote down itself; None where that is no file."""
    path = job.stage_folder(stage.id) / "stage.log"
    try:
        status = path.lstat()
        is_hollow_log = is_hollow(status.st_size, status.st_blocks * BLOCK)
        if not stat.S_ISREG(status.st_mode) or is_hollow_log:
            return None
        return LogFile(size_bytes=status.st_size, checksum=file_digest(path))
    except OSError:
        return None


def _limits(asked: Mapping[str, Any]) -> Limits:
    return Limits(
        memory_bytes=asked["memory"],
        cpus=asked["cpus"],
        pids=asked["pids"],
        tmp_bytes=asked["tmp"],
        shm_bytes=asked["shm"],
        timeout_seconds=asked["timeout"],
    )


def _effective_limits(state: ContainerState | None, asked: Mapping[str, Any]) -> Limits | None:
    if state is None:
        return None
    # /tmp and the time limit have no figure that could be read back: they are kept by the mount
    # option and by the supervisor.
    return _limits(asked).model_copy(
        update={
            "memory_bytes": state.memory,
            "cpus": state.cpus,
            "pids": state.pids,
            "shm_bytes": state.shm,
        }
    )


def limit_differences(run: Run, state: ContainerState | None) -> list[LimitDifference]:
    """Every limit that the engine does not enforce as the spec asked."""
    if state is None:
        return []
    asked = asdict(run.request.limits.values)
    most = run.limits["cpus"]
    pairs: tuple[tuple[str, Any, Any, Callable[[Any], str]], ...] = (
        ("memory", asked["memory"], state.memory, limit_text),
        ("memory and swap", asked["memory"], state.memory_swap, limit_text),
        ("cpus", asked["cpus"], state.cpus, lambda value: f"{value:g}"),
        ("pids", asked["pids"], state.pids, str),
        ("shm", asked["shm"], state.shm, limit_text),
    )
    warnings = "; ".join(state.warnings) or "the engine applied it otherwise"
    return [
        LimitDifference(
            name=name,
            asked=text(wanted),
            effective="no limit" if real is None or real < 0 else text(real),
            reason=f"this machine has {most}" if name == "cpus" and most != wanted else warnings,
        )
        for name, wanted, real, text in pairs
        if wanted is not None and wanted != real
    ]


def _evidence(facts: Facts, around: Circumstances) -> Evidence:
    return Evidence(
        exit_code=facts.exit_code,
        oom_event=facts.oom_event,
        oom_flag=facts.oom_flag,
        oom_kills=facts.report.oom_kills if facts.report else None,
        stopped_for=facts.stopped_for,
        engine_error=facts.engine_error,
        gpu_error=facts.stop_story or _vanished(around),
        disk_free_bytes=around.disk_free_bytes,
    )


def _vanished(around: Circumstances) -> str | None:
    return f"{', '.join(around.gpus_lost)} vanished" if around.gpus_lost else None


def _manifest_evidence(found: Found) -> dict[str, Any]:
    return {
        "manifest_status": StageStatus(found.manifest.status) if found.manifest else None,
        "manifest_problem": found.manifest_problem,
    }


def _findings(found: Found) -> list[Finding]:
    return [
        Finding(
            path=problem.path,
            problem=problem.text,
            severity="warning" if problem.is_warning else "error",
        )
        for problem in found.problems[:REPORTED]
    ]


def _warnings(known: Sequence[str], found: Found, judgement: Judgement) -> list[str]:
    own = found.manifest.warnings if found.manifest else []
    notices = [notice for notice in known if notice not in own]
    kept = [text[:WARNING_LENGTH] for text in own[:REPORTED]]
    rest = len(own) - len(kept)
    more = [f"and {rest} more warnings, which the stage's manifest has"] if rest else []
    return [*notices, *kept, *more, *judgement.warnings]


def attempt_record(attempt: Attempt) -> AttemptRecord:
    """Which attempt it was, and what was changed for it."""
    kept = asdict(attempt)
    return AttemptRecord.model_validate({name: kept[name] for name in AttemptRecord.model_fields})


def runner_identity(identity: ProcessIdentity) -> RunnerIdentity:
    """The process that writes the record."""
    return RunnerIdentity(
        pid=identity.pid,
        pid_started=str(identity.started),
        boot_id=identity.boot_id,
        machine_id=identity.machine_id,
        version=VERSION,
    )
