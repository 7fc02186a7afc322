"""From facts to a verdict: a pure function, and the only place where the order of causes is known.

No single fact is trusted alone: the engine's OOM flag is often wrong, exit code 137 has three
causes, and a child's OOM kill may end in exit code 0. Missing evidence is unknown, not no.
"""

import re
from typing import Final

from runner.errors import Verdict
from runner.project.quantity import duration_text, limit_text, size_text
from runner.run.contract import Found
from runner.run.facts import GPU_LIMIT, GPU_LOST, SIGNALLED, Facts
from runner.run.gpu_verdict import gpu_gone, gpu_limit, gpu_lost, gpu_memory, gpu_mismatch
from runner.run.judgement import Circumstances, Judgement, texts_of, was_killed_for_memory

QUOTED: Final = 400
WARNINGS_SHOWN: Final = 10
NEARLY_NOTHING: Final = 1 << 20
DISK_PATTERN: Final = re.compile(r"No space left on device|Errno 28|ENOSPC", re.IGNORECASE)


def judge(facts: Facts, found: Found, around: Circumstances) -> Judgement:
    """The first cause that fits, in the order of the table of verdicts."""
    for cause in (_stopped, _engine, gpu_lost):
        if judgement := cause(facts, around):
            return judgement
    if not _succeeded(facts, found):
        for trouble in (gpu_memory, _memory, _disk, gpu_gone, _stage):
            if judgement := trouble(facts, found, around):
                return judgement
    return (
        _contract(found, around)
        or gpu_mismatch(facts, found, around)
        or _success(facts, found, around)
    )


def _succeeded(facts: Facts, found: Found) -> bool:
    good = found.manifest is not None and found.manifest.status in ("success", "skipped")
    return facts.exit_code == 0 and good


def _stopped(facts: Facts, around: Circumstances) -> Judgement | None:
    if facts.stopped_for is None:
        return None
    if facts.stopped_for in (GPU_LOST, GPU_LIMIT):
        # Whatever came of the container then: a process may hang in the driver of a lost GPU.
        return gpu_lost(facts, around) or gpu_limit(facts, around)
    if facts.stopped_for == "timeout":
        limit = duration_text(around.limits.timeout or 0)
        return Judgement(
            verdict=Verdict.TIMEOUT,
            reason=f"The stage ran into its time limit of {limit}.",
            advice="Raise it with --timeout, or see in stage.log what it waited for.",
        )
    return Judgement(
        verdict=Verdict.CANCELLED,
        reason=f"The run was {facts.stopped_for}.",
        advice="Run it again when you like.",
    )


def _engine(facts: Facts, _: Circumstances) -> Judgement | None:
    if facts.engine_error is None:
        return None
    return Judgement(
        verdict=Verdict.ENGINE_UNAVAILABLE,
        reason=f"The engine was lost during the run: {facts.engine_error}",
        advice="Run the stage again when the engine is back.",
    )


def _memory(facts: Facts, _: Found, around: Circumstances) -> Judgement | None:
    kills = facts.report.oom_kills if facts.report else None
    signs = [
        name
        for name, there in (
            ("the engine reported oom", facts.oom_event),
            ("the engine flagged it", facts.oom_flag),
            (
                f"the kernel counted {kills} kills" if kills != 1 else "the kernel counted 1 kill",
                bool(kills),
            ),
        )
        if there
    ]
    if not signs:
        return None
    seen = (facts.usage, facts.report)
    peak = max((found.memory_peak_bytes or 0 for found in seen if found), default=0)
    limit = around.limits.memory or 0
    evidence = ", ".join([*([f"peak {size_text(peak)}"] if peak else []), *signs])
    return Judgement(
        verdict=Verdict.OOM_MEMORY,
        reason=f"The stage was killed at its memory limit of {limit_text(limit)} ({evidence}, "
        f"exit code {facts.exit_code}).",
        advice=f"Raise it, for example with --memory {limit_text(2 * limit).replace(' ', '')}, or "
        "give the stage less to do at once.",
    )


def _disk(facts: Facts, found: Found, around: Circumstances) -> Judgement | None:
    says_so = DISK_PATTERN.search(texts_of(facts, found))
    free = around.disk_free_bytes
    if not says_so and (free is None or free > NEARLY_NOTHING):
        return None
    scratch = limit_text(around.limits.tmp or 0)
    left = "unknown" if free is None else size_text(free)
    return Judgement(
        verdict=Verdict.DISK_FULL,
        reason=f"There was no space left to write to ({left} free for the job, {scratch} in /tmp).",
        advice="Free space (stagerun clean shows what would go), or raise /tmp with --tmp.",
    )


def _stage(facts: Facts, found: Found, _: Circumstances) -> Judgement | None:
    manifest = found.manifest
    says_failed = manifest is not None and manifest.status == "failed"
    if facts.exit_code == 0 and not says_failed:
        return None
    said = _first_error(facts, found)
    code = facts.exit_code
    killed = " It was killed by a signal that stagerun did not send." if code in SIGNALLED else ""
    end = f"ended with exit code {code}" if code else "said failed, with exit code 0"
    # Its own words come first: where there is little room, they alone are shown.
    return Judgement(
        verdict=Verdict.STAGE_FAILED,
        reason=f"{said} It {end}.{killed}" if said else f"The stage {end}.{killed}",
        advice="The log has the whole story.",
    )


def _first_error(facts: Facts, found: Found) -> str:
    manifest = found.manifest
    if manifest is not None and manifest.errors:
        error = manifest.errors[0]
        return _said("The stage reports", error if isinstance(error, str) else error.message)
    if manifest is not None and (manifest.error or manifest.reason):
        return _said("The stage reports", manifest.error or manifest.reason or "")
    last = next((line for line in reversed(facts.tail) if line.strip()), None)
    return _said("The stage's last words", last) if last else ""


def _said(how: str, text: str) -> str:
    brief = _brief(text)
    return f"{how}: {brief}" + ("" if brief.endswith((".", "!", "?", "…")) else ".")


def _brief(text: str) -> str:
    """One line of a stage's own words; all of them are in its log."""
    line = " ".join(text.split())
    return line if len(line) <= QUOTED else f"{line[:QUOTED]}…"


def _contract(found: Found, around: Circumstances) -> Judgement | None:
    where = f"stages/{around.stage.id}/stage.yaml says what the stage owes."
    if found.manifest is None:
        return Judgement(
            verdict=Verdict.CONTRACT_VIOLATION,
            reason=f"The stage ended well, but {found.manifest_problem}.",
            advice=f"A stage opens a StageIO and calls finalize(). {where}",
        )
    if found.manifest.status == "running":
        return Judgement(
            verdict=Verdict.CONTRACT_VIOLATION,
            reason="The stage ended with exit code 0, but its manifest still says running.",
            advice="Every path through a stage calls finalize().",
        )
    if found.errors:
        return Judgement(
            verdict=Verdict.CONTRACT_VIOLATION,
            reason="The stage says success, but its manifest does not hold:",
            advice=where,
        )
    return None


def _success(facts: Facts, found: Found, around: Circumstances) -> Judgement:
    manifest = found.manifest
    if manifest is not None and manifest.status == "skipped":
        return Judgement(
            verdict=Verdict.SKIPPED,
            reason=_brief(manifest.reason or "") or "the stage skipped itself",
        )
    warnings = []
    if was_killed_for_memory(facts):
        warnings.append(
            "a process of the stage was killed for memory, and the stage succeeded all the same"
        )
    warnings += [
        f"{path} was changed while the stage ran; the next call runs it again"
        for path in around.inputs_changed[:WARNINGS_SHOWN]
    ]
    untracked = [f"{item.path}: {item.text}" for item in found.problems if item.is_warning]
    return Judgement(
        verdict=Verdict.SUCCESS, reason="", warnings=(*warnings, *untracked[:WARNINGS_SHOWN])
    )
