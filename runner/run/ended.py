"""What the journal keeps of a container that has ended, and the records that are made of it.

A runner may die or break off after the container's end and before the record. What it had
journalled by then lets the next one complete the record, with the verdict that the first would
have come to.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.errors import Verdict
from runner.job.folder import Job
from runner.job.job_manifest import read_record
from runner.job.journal import ENDED, owner_of
from runner.project.stage import Resources, StageSpec
from runner.run.contract import check_contract
from runner.run.facts import Facts
from runner.run.judgement import Circumstances
from runner.run.output import EndReport
from runner.run.private_files import kept_secrets
from runner.run.redaction import redaction_of
from runner.run.request import DECLARED_OUTPUTS, declared_outputs
from runner.run.retry import Attempt, attempt_from
from runner.run.site_access import kept_proxies
from runner.run.verdict import judge

if TYPE_CHECKING:
    from runner.host.monitor import Usage
    from runner.manifest import RunRecord
    from runner.run.attempt import Run

LINE_LENGTH: Final = 4096
ADVICE: Final = "Run the stage again; the result before it stays in force."


def note_end(
    run: "Run", facts: Facts, around: Circumstances, overheads_ms: Mapping[str, float]
) -> None:
    """Journal everything that the record needs and that goes with container and runner."""
    from runner.run.record import draft

    # A full disk shall cost the run this safeguard, not its record: for that space is reserved.
    with contextlib.suppress(OSError):
        run.journal.write(
            ENDED,
            draft=draft(run, facts, around, overheads_ms).model_dump(mode="json"),
            facts=_plain(facts),
            around=_circumstances(around),
            manifest=_mark(run.job.stage_folder(run.request.stage.id)),
            has_secrets=bool(run.redaction.values),
        )


def complete(
    stage: StageSpec, job: Job, run_id: str, steps: list[dict[str, Any]]
) -> "RunRecord | None":
    """The record of a run as its dead runner would have written it.

    None where that cannot be told: its container had not ended, what it left or what its stage
    declares was changed since, or it had secrets that are gone, and nobody here could keep them out
    of the record.
    """
    from runner.manifest import RunRecord
    from runner.run.record import completed

    try:
        step = next(step for step in steps if step["step"] == ENDED)
        record = RunRecord.model_validate(step["draft"])
        facts = _facts(step["facts"])
        around = _around(stage, step["around"])
        redaction = redaction_of(kept_secrets(job, run_id), kept_proxies(job, run_id).values())
        is_safe = bool(redaction.values) or not step["has_secrets"]
        is_same = is_safe and step["manifest"] == _mark(job.stage_folder(stage.id))
    except (StopIteration, KeyError, TypeError, ValueError, OSError):
        return None
    if not is_same or record.components.get(DECLARED_OUTPUTS) != declared_outputs(stage):
        return None
    found = check_contract(stage, job.stage_folder(stage.id), run_id)
    return redaction.record(completed(record, job, stage, found, judge(facts, found, around)))


def unfinished(
    job: Job, run_id: str, steps: list[dict[str, Any]], verdict: Verdict, reason: str
) -> "RunRecord":
    """The record of a run that nobody saw to its end, from as much as its journal has."""
    from runner.manifest import ImageReference, RunnerIdentity, RunRecord
    from runner.run.record import attempt_record
    from runner.version import VERSION

    with contextlib.suppress(StopIteration, KeyError, ValueError):
        step = next(step for step in steps if step["step"] == ENDED)
        changes = {"verdict": verdict, "reason": reason, "advice": ADVICE}
        return RunRecord.model_validate({**step["draft"], **changes})
    intent, owner = steps[0], owner_of(steps)
    began, now = datetime.fromisoformat(intent["time"]), datetime.now(UTC)
    return RunRecord(
        run_id=run_id,
        stage_id=intent["stage_id"],
        job=job.name,
        variant=None,
        attempt=attempt_record(_attempt(intent)),
        verdict=verdict,
        reason=reason,
        advice=ADVICE,
        started_at=began,
        ended_at=now,
        duration_seconds=max(0.0, (now - began).total_seconds()),
        image=ImageReference(name=intent["image"], digest=intent["image"]),
        fingerprint=intent["fingerprint"],
        runner=RunnerIdentity(
            pid=owner["pid"],
            pid_started=str(owner["started"]),
            boot_id=owner["boot_id"],
            machine_id=owner["machine_id"],
            version=VERSION,
        ),
    )


def _attempt(intent: Mapping[str, Any]) -> Attempt:
    with contextlib.suppress(KeyError, TypeError, ValueError):
        return attempt_from(intent["request"]["attempt"])
    return Attempt()


def close_broken_off(run: "Run", problem: BaseException) -> None:
    """Close a run whose container had started and which this runner cannot see to its end.

    What cannot be written now is left to the next runner, which finds the run open.
    """
    from runner.run.closing import close

    # With a record on disk the closing had begun, and the next runner finishes it.
    if read_record(run.job, run.id) is None:
        with contextlib.suppress(Exception):
            verdict = getattr(problem, "verdict", None) or Verdict.RUNNER_LOST
            if getattr(problem, "errno", None) == ENOSPC:
                verdict = Verdict.DISK_FULL
            text = run.redaction.text(str(problem) or type(problem).__name__)
            reason = f"The runner had to break the run off: {text}"
            close(run.job, unfinished(run.job, run.id, run.journal.read(), verdict, reason))


def _plain(facts: Facts) -> dict[str, Any]:
    return {
        **asdict(replace(facts, state=None, usage=_without_curves(facts))),
        "started_at": facts.started_at.isoformat(),
        "ended_at": facts.ended_at.isoformat(),
        "tail": [line[:LINE_LENGTH] for line in facts.tail],
    }


def _without_curves(facts: Facts) -> "Usage | None":
    """The draft of the record has them already."""
    return facts.usage and facts.usage.without_curves


def _facts(plain: Mapping[str, Any]) -> Facts:
    from runner.host.monitor import usage_from

    report, usage = plain["report"], plain["usage"]
    changes = {
        "started_at": datetime.fromisoformat(plain["started_at"]),
        "ended_at": datetime.fromisoformat(plain["ended_at"]),
        "report": EndReport(**report) if report else None,
        "usage": usage_from(usage) if usage else None,
        "tail": tuple(plain["tail"]),
        "notes": tuple(plain.get("notes", ())),
    }
    return Facts(**{**plain, **changes})


def _circumstances(around: Circumstances) -> dict[str, Any]:
    return {
        "limits": asdict(around.limits),
        "disk_free_bytes": around.disk_free_bytes,
        "gpus": around.gpus,
        "gpus_lost": around.gpus_lost,
        "inputs_changed": around.inputs_changed,
        "notes": around.notes,
    }


def _around(stage: StageSpec, plain: Mapping[str, Any]) -> Circumstances:
    changes = {
        "stage": stage,
        "limits": Resources(**plain["limits"]),
        "gpus": tuple(plain["gpus"]),
        "gpus_lost": tuple(plain["gpus_lost"]),
        "inputs_changed": tuple(plain["inputs_changed"]),
        "notes": tuple(plain.get("notes", ())),
    }
    return Circumstances(**{**plain, **changes})


def _mark(folder: Path) -> list[int] | None:
    """Tells whether somebody wrote the stage's manifest after its container had ended."""
    with contextlib.suppress(OSError):
        status = (folder / "manifest.json").stat(follow_symlinks=False)
        return [status.st_size, status.st_mtime_ns]
    return None
