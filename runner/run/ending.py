"""How the last run of a stage ended, and what that was concluded from; no engine is asked."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from runner.attempt_record import AttemptRecord
from runner.errors import Verdict
from runner.job.folder import Job
from runner.job.job_manifest import read_entries, read_record
from runner.job.journal import CLOSED, Journal
from runner.manifest import Evidence, Finding, GpuGrant, LimitDifference, RunRecord
from runner.project.quantity import limit_text, size_text
from runner.run.overview import State, live_run

SAID: Final = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True, kw_only=True)
class EarlierAttempt:
    """An attempt of the same call before the last one."""

    number: int
    run_id: str
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Ending:
    """The end of a run. ``verdict`` is None for one that is under way or lost its runner.

    ``earlier`` are the attempts before it, the first one first. ``record`` is relative to the job
    and None for a run that never started; ``log`` likewise is None when there is none. Overheads
    are milliseconds.
    """

    run_id: str | None
    verdict: Verdict | None
    reason: str
    advice: str | None = None
    attempt: AttemptRecord = field(default_factory=AttemptRecord)
    earlier: tuple[EarlierAttempt, ...] = ()
    evidence: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    findings_total: int = 0
    limit_differences: tuple[LimitDifference, ...] = ()
    warnings: tuple[str, ...] = ()
    overheads_ms: Mapping[str, float] | None = None
    gpu: GpuGrant | None = None
    gpu_memory_peak_bytes: int | None = None
    good_is: str | None = None
    log: str | None = None
    record: str | None = None


def last_ending(job: Job, stage_id: str) -> Ending | None:
    """How the newest run ended, was refused, or stands; None when there never was one.

    Raises JobFolderError when the job manifest is damaged.
    """
    entry = read_entries(job).get(stage_id)
    live = live_run(job, stage_id)
    if live is not None and (live.run_id is not None or entry is None):
        return Ending(run_id=live.run_id, verdict=None, reason=_standing(live.state))
    newest = newest_run(job, stage_id)
    if entry is not None and entry["run_id"] is None:
        return Ending(run_id=None, verdict=Verdict(entry["verdict"]), reason=entry["reason"])
    if newest is None:
        return None
    run_id, steps = newest
    return _from_record(job, run_id, entry) or _refused(run_id, steps)


def _standing(state: State) -> str:
    return {
        State.RUNNING: "it is under way",
        State.RUNNER_LOST: "its runner died before it could close the run; the next run does that",
        State.ELSEWHERE: "it was begun on another machine, and nobody here can tell how it stands",
    }[state]


def newest_run(job: Job, stage_id: str) -> tuple[str, list[dict[str, Any]]] | None:
    """By the time in the journal: run ids of one minute have no order."""
    found = []
    for folder in job.runs():
        steps = Journal(folder / "journal.jsonl").read()
        if steps and steps[0].get("stage_id") == stage_id:
            found.append((str(steps[0].get("time")), folder.name, steps))
    if not found:
        return None
    _, run_id, steps = max(found, key=lambda item: item[:2])
    return run_id, steps


def _refused(run_id: str, steps: list[dict[str, Any]]) -> Ending:
    """A run that was closed before its container started."""
    closed = next((step for step in steps if step["step"] == CLOSED), {})
    verdict = closed.get("verdict")
    return Ending(
        run_id=run_id,
        verdict=Verdict(verdict) if verdict else None,
        reason=str(closed.get("reason") or "it was closed before its container started"),
        advice="The container never started; what lay in the stage's folder before lies there.",
    )


def _from_record(job: Job, run_id: str, entry: Mapping[str, Any] | None) -> Ending | None:
    from pydantic import ValidationError

    path = job.run_folder(run_id) / "record.json"
    try:
        record = RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        return Ending(
            run_id=run_id,
            verdict=None,
            reason=f"its record {path} cannot be read",
            advice=f"See what else is damaged: stagerun validate {job.root}",
        )
    in_place = entry is not None and entry["run_id"] == run_id
    log = job.stage_folder(record.stage_id) / "stage.log"
    shown = log if in_place and log.is_file() else job.run_folder(run_id) / "output.log"
    return Ending(
        run_id=run_id,
        verdict=record.verdict,
        reason=record.reason,
        advice=record.advice,
        attempt=record.attempt,
        earlier=tuple(_earlier(job, record)),
        evidence=tuple(evidence_lines(record)),
        findings=tuple(record.findings),
        findings_total=record.findings_total,
        limit_differences=tuple(record.limit_differences),
        warnings=tuple(record.warnings),
        overheads_ms=record.overheads_ms,
        gpu=record.gpu if record.gpu.uuids else None,
        gpu_memory_peak_bytes=record.usage.gpu_memory_peak_bytes,
        good_is=entry["good_is"] if entry else None,
        log=str(shown.relative_to(job.root)) if shown.is_file() else None,
        record=str(path.relative_to(job.root)),
    )


def _earlier(job: Job, record: RunRecord) -> list[EarlierAttempt]:
    """As far back as there are records."""
    found: list[EarlierAttempt] = []
    attempt: AttemptRecord | None = record.attempt
    while attempt and (run_id := _before(attempt)) and run_id not in {it.run_id for it in found}:
        before = read_record(job, run_id)
        attempt = _attempt_of(before)
        if before and attempt:
            verdict = str(before.get("verdict"))
            found.insert(0, EarlierAttempt(number=attempt.number, run_id=run_id, verdict=verdict))
    return found


def _before(attempt: AttemptRecord) -> str | None:
    """The run of the same call before an attempt: the first may be after one of another call."""
    return attempt.moved_from or (attempt.after if attempt.number > 1 else None)


def _attempt_of(record: Mapping[str, Any] | None) -> AttemptRecord | None:
    with contextlib.suppress(ValueError, KeyError):
        return AttemptRecord.model_validate(record["attempt"]) if record else None
    return None


def evidence_lines(record: RunRecord) -> list[str]:
    """The facts behind a verdict, one each; what is unknown is said to be."""
    facts, limits, peak = record.evidence, record.limits_asked, record.usage.memory_peak_bytes
    code = facts.exit_code
    lines = [f"exit code {'unknown' if code is None else code}"]
    lines += _memory_lines(facts)
    measured = "unknown" if peak is None else size_text(peak)
    allowed = "no limit" if limits.memory_bytes is None else limit_text(limits.memory_bytes)
    lines.append(f"memory: peak {measured}, limit {allowed}")
    status = facts.manifest_status or facts.manifest_problem or "not read"
    lines.append(f"the stage's manifest: {status}")
    for name, text in (
        ("stopped", facts.stopped_for),
        ("engine", facts.engine_error),
        ("GPU", facts.gpu_error or record.gpu.fallback),
    ):
        if text:
            lines.append(f"{name}: {text}")
    if record.gpu.uuids:
        lines.append(f"GPUs granted: {', '.join(record.gpu.uuids)}")
    return lines


def _memory_lines(facts: Evidence) -> list[str]:
    kills = "unknown" if facts.oom_kills is None else facts.oom_kills
    return [
        f"killed for memory: engine's event {SAID[facts.oom_event]}, "
        f"engine's flag {SAID[facts.oom_flag]}, kills counted inside {kills}"
    ]
