"""What has to hold of a job after kills: at once, and after the next call on it."""

import fcntl
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import docker
from pydantic import BaseModel, ValidationError

from runner.host.engine import LABEL
from runner.job.folder import Job
from runner.manifest import JobManifest, RunRecord
from runner.run.private_files import private_folder
from tests.soak.logs import check_logs
from tests.soak.truth import Truth, key_of
from tests.soak.violation import Violation
from tests.soak.workplace import STAGE, Plan

KILLED: Final = 137
EXIT_CODES: Final = {
    "success": 0, "stage_failed": 1, "contract_violation": 3, "runner_lost": 10,
}  # fmt: skip
DEBRIS: Final = re.compile(r"\..+\.[a-z0-9_]{8}|\..+\.removed\..*|reserve|output\.kept")


@dataclass(frozen=True)
class Before:
    """What a job was before its calls: its runs, its good result, and whose that is."""

    runs: frozenset[str]
    good: str | None


@dataclass
class Found:
    """What the check of a job came to."""

    readoptions: int = 0
    violations: list[Violation] = field(default_factory=list)


def look(job: Path) -> Before:
    """What is there before a cycle."""
    runs = frozenset(path.name for path in Job(job).runs())
    return Before(runs, _entry(job).get("good_run_id"))


def check_wreck(job: Path, before: Before) -> Iterator[Violation]:
    """What has to hold at any moment, no matter who just died."""
    yield from check_documents(job)
    new = (run for run in new_runs(job, before) if verdict_of(job, run) == "success")
    good = {before.good, *new}
    if before.good and not good & set(_results(job)):
        yield Violation("lost", f"{job.name}: no good result is anywhere: {_results(job)}")


def check_job(
    job: Path,
    before: Before,
    plan: Plan,
    code: int | None,
    truth: Truth,
    client: "docker.APIClient",
) -> Found:
    """What has to hold after the next call, which ended with this exit code."""
    found = Found()
    for run in new_runs(job, before):
        steps = read_steps(job, run)
        found.violations += check_verdict(job, run, steps, plan, truth)
        found.readoptions += "adopted" in steps and steps[-1] == "closed"
    found.violations += [
        *check_documents(job),
        *check_result(job, before, code),
        *check_logs(job, new_runs(job, before), truth),
        *check_nothing_left(job, client),
    ]
    return found


def check_documents(job: Path) -> Iterator[Violation]:
    """Every document is whole and what it has to be."""
    models: dict[Path, type[BaseModel]] = {job / "manifest.json": JobManifest}
    models |= dict.fromkeys(job.glob(".stagerun/runs/*/record.json"), RunRecord)
    for path in (*models, *job.glob(".stagerun/*.json"), *job.glob(".stagerun/runs/*/*.json")):
        try:
            text = path.read_bytes()
            json.loads(text)
            if model := models.get(path):
                model.model_validate_json(text)
        except FileNotFoundError:
            continue
        except (ValueError, ValidationError) as problem:
            yield Violation("torn", f"{path}: {problem}")


def check_verdict(
    job: Path, run: str, steps: list[str], plan: Plan, truth: Truth
) -> Iterator[Violation]:
    """The record of a run says what its container really did."""
    where = f"{job.name} run {run} ({' '.join(steps)})"
    verdict, started = verdict_of(job, run), truth.has_started(job, run)
    if not steps or steps[-1] != "closed":
        yield Violation("verdict", f"{where}: is not closed")
    elif verdict is None and started:
        yield Violation("verdict", f"{where}: its container was started, and it has no record")
    elif verdict is not None and not started:
        yield Violation("verdict", f"{where}: is on record as {verdict} and was never started")
    elif verdict is not None:
        code = truth.exit_code(job, run)
        if code == KILLED and key_of(job, run) in truth.killed:
            right = {"stage_failed", "runner_lost"}
        else:
            right = {plan.verdict} if code == plan.exit_code else set()
        if verdict not in right:
            yield Violation("verdict", f"{where}: {verdict}; the exit code was {code}, plan {plan}")


def check_result(job: Path, before: Before, code: int | None) -> Iterator[Violation]:
    """The newest good result is in force, lies where the manifest says, and the call said so."""
    entry = _entry(job)
    new = [run for run in new_runs(job, before) if verdict_of(job, run) == "success"]
    new.sort(key=lambda run: str(_record(job, run)["ended_at"]))
    wanted = new[-1] if new else before.good
    if entry.get("good_run_id") != wanted:
        yield Violation("lost", f"{job.name}: good is {entry.get('good_run_id')}, not {wanted}")
    places = {"in place": job / STAGE, "previous": job / ".stagerun/previous" / STAGE}
    if wanted is not None:
        place = places.get(str(entry.get("good_is")))
        if place is None or _result(place) != wanted:
            yield Violation("lost", f"{job.name}: {wanted} is not {entry.get('good_is')}")
        elif place == job / STAGE and places["previous"].exists():
            yield Violation("debris", f"{job.name}: a superfluous previous result")
    if code != EXIT_CODES.get(str(entry.get("verdict"))):
        yield Violation("verdict", f"{job.name}: exit code {code}, verdict {entry.get('verdict')}")


def check_nothing_left(job: Path, client: "docker.APIClient") -> Iterator[Violation]:
    """No container, nothing half written, no lock."""
    for item in client.containers(all=True, filters={"label": f"{LABEL}job={job}"}):
        yield Violation("orphan", f"{job.name}: container {item['Names']} {item['Status']}")
    for path in job.rglob("*"):
        if DEBRIS.fullmatch(path.name):
            yield Violation("debris", f"{path.relative_to(job.parent)}")
    for run in Job(job).runs():
        if not read_steps(job, run.name):
            yield Violation("debris", f"{job.name}: run {run.name} never began")
        if private_folder(Job(job), run.name).exists():
            yield Violation("debris", f"{job.name}: the secrets of run {run.name}")
    for path in (job / ".stagerun/locks").glob("*.lock"):
        with path.open("rb+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield Violation("lock", f"{path} is held")
            if file.read():
                yield Violation("lock", f"{path} names a holder")


def read_steps(job: Path, run: str) -> list[str]:
    """The steps in a run's journal."""
    path = job / ".stagerun/runs" / run / "journal.jsonl"
    try:
        return [json.loads(line)["step"] for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []


def new_runs(job: Path, before: Before) -> list[str]:
    return [path.name for path in Job(job).runs() if path.name not in before.runs]


def _entry(job: Path) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads((job / "manifest.json").read_bytes())["stages"][STAGE]
    except (FileNotFoundError, KeyError):
        return {}
    return entry


def _record(job: Path, run: str) -> dict[str, Any]:
    try:
        path = job / ".stagerun/runs" / run / "record.json"
        record: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return record


def verdict_of(job: Path, run: str) -> str | None:
    return _record(job, run).get("verdict")


def exit_code_of(job: Path, run: str) -> int | None:
    """The exit code that is on record for a run."""
    code = _record(job, run).get("evidence", {}).get("exit_code")
    return code if isinstance(code, int) else None


def _results(job: Path) -> list[str]:
    """The run ids of the results that lie where results lie."""
    places = (job / STAGE, job / ".stagerun/previous" / STAGE)
    return [text for place in places if (text := _result(place))]


def _result(place: Path) -> str | None:
    try:
        return (place / "copy.txt").read_text(encoding="utf-8").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
