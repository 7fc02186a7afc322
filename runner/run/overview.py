"""Where the stages of a job stand: what ended how, what runs, what waits for what.

Everything is read from the job manifest, the journals and the locks; no engine is asked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from runner.errors import Verdict
from runner.host.machine import machine_id
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.job.journal import OpenRuns, all_open_runs, journal_of, owner_of
from runner.job.lock import is_locked
from runner.project.pipeline import JOB_INPUT, Project
from runner.project.stage import Input, StageSpec
from runner.run.given import stock_of
from runner.run.inputs import is_enabled


class State(StrEnum):
    """How a stage stands."""

    SUCCESS = "success"
    CHANGED = "changed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RUNNING = "running"
    RUNNER_LOST = "runner_lost"
    ELSEWHERE = "elsewhere"
    WAITING = "waiting"
    SKIPPED = "skipped"
    NOT_RUN = "not_run"


CAUSES: Final = {
    Verdict.OOM_MEMORY: "out of memory",
    Verdict.OOM_GPU: "out of GPU memory",
    Verdict.TIMEOUT: "ran into its time limit",
    Verdict.DISK_FULL: "no space left",
    Verdict.STAGE_FAILED: "the stage failed",
    Verdict.RUNNER_LOST: "its runner died",
    Verdict.GPU_LOST: "the GPU vanished",
    Verdict.GPU_MISMATCH: "the GPU was never used",
    Verdict.GPU_UNAVAILABLE: "no GPU",
}


def cause(verdict: str) -> str:
    """A verdict in words."""
    known = {str(key): text for key, text in CAUSES.items()}
    return known.get(verdict, verdict.replace("_", " "))


@dataclass(frozen=True, kw_only=True)
class OutputSize:
    """An output on record; path relative to the job, size in bytes."""

    path: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class StageStatus:
    """One stage of a job; durations in seconds, sizes in bytes."""

    stage: str
    state: State
    detail: str = ""
    verdict: str | None = None
    run_id: str | None = None
    good_run_id: str | None = None
    duration_seconds: float | None = None
    memory_peak_bytes: int | None = None
    summary: str = ""
    outputs: tuple[OutputSize, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LiveRun:
    """A run that no runner has closed; ``run_id`` is None before the first line of its journal."""

    state: State
    run_id: str | None = None
    began: str | None = None
    owner_pid: int | None = None


def needed_stages(project: Project, job: Job) -> Collection[str]:
    """The ids of the stages that the results of the job's workflow come from."""
    ends = (source.stage for source in project.workflow(job.workflow))
    asked = tuple(dict.fromkeys(stage for stage in ends if stage in project.stages))
    return project.needed_for(asked, stock_of(project, job))


def overview(project: Project, job: Job, needed: Collection[str]) -> list[StageStatus]:
    """The stages that are needed or that left something, in the project's order."""
    entries = read_entries(job)
    # Every journal is read once; one that cannot be read hides none of the rest.
    runs = all_open_runs(job, skip_unreadable=True)
    found = [
        stage_status(stage, project, job, entries, runs.get(stage.id, []))
        for stage in project.stages.values()
        if stage.id in needed or stage.id in entries or stage.id in runs
    ]
    gone = [stage_id for stage_id in entries if stage_id not in project.stages]
    return found + [_from_entry(job, stage_id, entries[stage_id]) for stage_id in gone]


def stage_status(
    stage: StageSpec,
    project: Project,
    job: Job,
    entries: Mapping[str, Mapping[str, Any]],
    runs: OpenRuns,
) -> StageStatus:
    """How one stage stands; ``runs`` are its open ones, read before."""
    entry = entries.get(stage.id)
    live = live_run(job, stage.id, runs)
    if live is not None:
        return _from_live(stage, live, entry)
    if not is_enabled(stage.id, project, job) and (
        entry is None or entry["verdict"] != Verdict.SKIPPED
    ):
        good = entry["good_run_id"] if entry else None
        kept = f"; the result of run {good} is still there" if good else ""
        return StageStatus(stage=stage.id, state=State.SKIPPED, detail=f"switched off{kept}")
    if entry is not None:
        return _from_entry(job, stage.id, entry)
    missing = needs(stage, project, job, entries)
    if missing:
        return StageStatus(
            stage=stage.id, state=State.WAITING, detail=f"needs {', '.join(missing)}"
        )
    return StageStatus(stage=stage.id, state=State.NOT_RUN)


def live_run(job: Job, stage_id: str, runs: OpenRuns | None = None) -> LiveRun | None:
    """The run that is under way, or whose runner died; None where there is neither.

    ``runs`` are the open runs of the stage, where they were read already.
    """
    if runs is None:
        runs = all_open_runs(job, skip_unreadable=True).get(stage_id, [])
    if is_locked(job, stage_id):
        run_id, steps = runs[-1] if runs else (None, [{}])
        return LiveRun(state=State.RUNNING, run_id=run_id, began=steps[0].get("time"))
    # A run that is open before and after the lock was seen free has nobody who holds it.
    for run_id, steps in reversed(runs):
        if not journal_of(job, run_id).is_closed:
            owner = owner_of(steps)
            away = owner.get("machine_id") != machine_id()
            return LiveRun(
                state=State.ELSEWHERE if away else State.RUNNER_LOST,
                run_id=run_id,
                began=steps[0].get("time"),
                owner_pid=owner.get("pid"),
            )
    return None


def _from_live(stage: StageSpec, live: LiveRun, entry: Mapping[str, Any] | None) -> StageStatus:
    seconds = None
    if live.began and live.state is State.RUNNING:
        began = datetime.fromisoformat(live.began)
        seconds = max(0.0, (datetime.now(UTC) - began).total_seconds())
    details = {
        State.RUNNING: "" if live.run_id else "about to start",
        State.RUNNER_LOST: f"process {live.owner_pid} died; the next run adopts or closes it",
        State.ELSEWHERE: "begun on another machine; nobody here can tell how it stands",
    }
    return StageStatus(
        stage=stage.id,
        state=live.state,
        run_id=live.run_id,
        verdict=str(Verdict.RUNNER_LOST) if live.state is State.RUNNER_LOST else None,
        duration_seconds=seconds,
        good_run_id=entry["good_run_id"] if entry else None,
        detail=details[live.state] + (_kept(entry) if live.state is State.RUNNER_LOST else ""),
    )


def _from_entry(job: Job, stage_id: str, entry: Mapping[str, Any]) -> StageStatus:
    verdict = str(entry["verdict"])
    outputs = tuple(
        OutputSize(path=item["path"], size_bytes=item["size_bytes"]) for item in entry["outputs"]
    )
    state, detail = _state_of(job, entry)
    return StageStatus(
        stage=stage_id,
        state=state,
        detail=detail,
        verdict=verdict,
        run_id=entry["run_id"],
        good_run_id=entry["good_run_id"],
        duration_seconds=entry["duration_seconds"],
        memory_peak_bytes=entry["memory_peak_bytes"],
        summary=entry["summary"],
        outputs=outputs if state in (State.SUCCESS, State.CHANGED) else (),
        warnings=tuple(entry["warnings"]),
    )


def _state_of(job: Job, entry: Mapping[str, Any]) -> tuple[State, str]:
    verdict = entry["verdict"]
    if verdict == Verdict.SKIPPED:
        return State.SKIPPED, entry["reason"]
    is_good = Verdict(verdict).good if verdict in list(Verdict) else entry["good_is"] == "in place"
    if is_good:  # of an end that only a newer runner knows its result tells
        changed = _changed(job, entry)
        return (State.CHANGED, changed) if changed else (State.SUCCESS, "")
    state = State.CANCELLED if verdict == Verdict.CANCELLED else State.FAILED
    return state, cause(verdict) + _kept(entry)


def _kept(entry: Mapping[str, Any] | None) -> str:
    if entry is None or entry["good_is"] is None:
        return ""
    return f"; good result of {entry['good_run_id']} kept"


def _changed(job: Job, entry: Mapping[str, Any]) -> str:
    """What a look without hashing shows; ``stagerun validate`` looks closely."""
    for output in entry["outputs"]:
        try:
            size = (job.root / output["path"]).stat(follow_symlinks=False).st_size
        except OSError:
            return f"{output['path']} is gone"
        if size != output["size_bytes"]:
            return f"{output['path']} was changed after the run"
    return ""


def needs(
    stage: StageSpec, project: Project, job: Job, entries: Mapping[str, Mapping[str, Any]]
) -> tuple[str, ...]:
    """What is missing before the stage can run: stages, or files of the job."""
    found = (_need(item, project, job, entries) for item in stage.inputs)
    return tuple(dict.fromkeys(need for need in found if need))


def _need(
    item: Input, project: Project, job: Job, entries: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """Decided as ``resolve_inputs`` decides, without touching the files."""
    for source in item.sources:
        if source.stage == JOB_INPUT:
            if source.output in job.inputs:
                return None
            continue
        entry = entries.get(source.stage)
        if entry is None or not is_enabled(source.stage, project, job):
            continue
        if entry["verdict"] == Verdict.SKIPPED or source.stage not in project.stages:
            continue
        if entry["good_is"] != "in place":
            return source.stage
        if any(output["name"] == source.output for output in entry["outputs"]):
            return None
    if item.optional:
        return None
    own = (source.stage for source in item.sources if source.stage in project.stages)
    return next(own, str(item.sources[0]))
