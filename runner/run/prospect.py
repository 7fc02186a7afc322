"""Would a stage run again now, and because of what?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from runner.errors import EngineError, InputMissingError, StagerunError, Verdict
from runner.job.fingerprint import DigestStore, difference
from runner.job.folder import Job
from runner.job.job_manifest import read_entries, read_record
from runner.project.pipeline import Project
from runner.project.stage import StageSpec
from runner.run.given import given_result
from runner.run.inputs import check_unchanged, is_enabled
from runner.run.overview import cause
from runner.run.request import Host, Request, RunOptions, resolve
from runner.run.results import skipped_itself

SHORT: Final = len("sha256:") + 12
MOUNTED: Final = "mounted sources"
ABSENT: Final = "not there"
"""What ``difference`` calls a component that one side lacks."""


class Answer(StrEnum):
    """What the next call would do."""

    UP_TO_DATE = "up_to_date"
    RUN = "would_run"
    REFUSE = "would_refuse"
    SKIP = "would_skip"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class GpuNeed:
    """What a run would ask of the GPUs: bytes, all of one, or None for one without other runs.

    ``source`` is where that was set, or how it was learnt; ``peaks`` are the most bytes that
    earlier runs took, by the GPU's model.
    """

    asked: int | str | None
    gpus: int
    source: str
    peaks: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What would happen now. ``reasons`` begins with the one that decides; ``notices`` are what
    the run would be told; ``given`` says that the user gave the result; ``gpu`` is None for a run
    without one.
    """

    answer: Answer
    reasons: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    given: bool = False
    gpu: GpuNeed | None = None


def prospect(
    stage: StageSpec, project: Project, job: Job, host: Host, options: RunOptions
) -> Prospect:
    """What the next call would do with a stage. Raises JobFolderError for a damaged job."""
    if not is_enabled(stage.id, project, job):
        return Prospect(answer=Answer.SKIP, reasons=("it is switched off (enabled: false)",))
    entry = read_entries(job).get(stage.id)
    try:
        if options.keep_given and (known := given_result(job, stage)):
            return Prospect(
                answer=Answer.UP_TO_DATE, reasons=(_given(job, stage, known),), given=True
            )
        request = resolve(stage, project, job, host, options)
    except EngineError as problem:
        unknown = problem.verdict is Verdict.ENGINE_UNAVAILABLE
        answer = Answer.UNKNOWN if unknown else Answer.REFUSE
        return Prospect(answer=answer, reasons=(str(problem),))
    except StagerunError as problem:
        return Prospect(answer=Answer.REFUSE, reasons=(str(problem),))
    found = compare(stage, job, entry, request)
    return replace(found, notices=request.notices, gpu=_gpu_need(request))


def _gpu_need(request: Request) -> GpuNeed | None:
    gpu = request.gpu
    if gpu is None:
        return None
    learnt = max(gpu.wish.learnt.values(), default=None)
    return GpuNeed(
        asked=learnt if gpu.wish.memory is None else gpu.wish.memory,
        gpus=gpu.wish.count,
        source=gpu.source,
        peaks={name: peak.bytes for name, peak in gpu.peaks.items()},
    )


def _given(job: Job, stage: StageSpec, entry: Mapping[str, Any]) -> str:
    sources = ", ".join(item["source"] for item in entry["given"])
    return f"you gave this result ({sources}); stagerun {stage.id} {job.root} replaces it"


def compare(
    stage: StageSpec, job: Job, entry: Mapping[str, Any] | None, request: Request
) -> Prospect:
    """What a request has in common with the result in force, and what not."""
    if entry is None:
        return Prospect(answer=Answer.RUN, reasons=("it has not run yet",))
    record = read_record(job, str(entry["good_run_id"])) if entry["good_run_id"] else None
    then: Mapping[str, str] = (record or {}).get("components") or {}
    changed = tuple(_differences(then, request)) if then else ()
    unchanged = tuple(_unchanged(then, request))
    if entry["good_is"] != "in place":
        ended = f"the last run ended badly: {cause(str(entry['verdict']))}"
        return Prospect(answer=Answer.RUN, reasons=(ended, *changed), unchanged=unchanged)
    if skipped_itself(entry):
        reason = "it found nothing to do, and looks again each time"
        return Prospect(answer=Answer.RUN, reasons=(reason, *changed), unchanged=unchanged)
    if entry["fingerprint"] != request.fingerprint:
        reasons = changed or ("the record of its last run is gone",)
        return Prospect(answer=Answer.RUN, reasons=reasons, unchanged=unchanged)
    try:
        check_unchanged(job, stage.id, entry, entry["outputs"], DigestStore(job))
    except InputMissingError as problem:
        return Prospect(answer=Answer.RUN, reasons=(str(problem),), unchanged=unchanged)
    same = f"same inputs, image and settings as run {entry['good_run_id']}"
    return Prospect(answer=Answer.UP_TO_DATE, reasons=(same,), unchanged=unchanged)


def _differences(then: Mapping[str, str], request: Request) -> list[str]:
    """Every component that differs, in words, the first that ``difference`` names at the front."""
    now, before, found = dict(request.components), dict(then), []
    while changed := difference(before, now):
        name, old, new = changed
        found.append(_in_words(name, old, new, request))
        before.pop(name, None)
        now.pop(name, None)
    return found


def _in_words(name: str, old: str, new: str, request: Request) -> str:
    kind, _, rest = name.partition(" ")
    if kind == "setting":
        value = request.config.get(rest)
        where = f" ({value.source})" if value is not None else ""
        return f"setting {rest} was {old}, is {new}{where}"
    if kind == "image":
        return f"image {request.image.name} was {short(old)}, is {short(new)}"
    if name == MOUNTED and new == ABSENT:
        return "it ran with --dev, with the code mounted"
    subjects = {
        "input": f"input {rest.partition(': ')[2]}",
        "declared": f"what stages/{request.stage.id}/stage.yaml declares",
    }
    subject = subjects.get(kind, name)
    if ABSENT in (old, new):
        return f"{subject} is " + ("new" if old == ABSENT else "no longer needed")
    return f"{subject} has changed"


def _unchanged(then: Mapping[str, str], request: Request) -> list[str]:
    same = [name for name, value in request.components.items() if then.get(name) == value]
    found = []
    for name in same:
        kind, _, rest = name.partition(" ")
        if kind == "image":
            found.append(f"image {short(request.image.digest)}")
        elif kind == "input":
            found.append(f"input {rest.partition(': ')[2]}")
        elif kind == "model":
            found.append(name)
    settings = sum(name.startswith("setting ") for name in same)
    if settings:
        found.append(f"{settings} setting{'s' if settings > 1 else ''}")
    return found


def short(digest: str) -> str:
    """A digest as people compare it."""
    return f"{digest[:SHORT]}…" if len(digest) > SHORT else digest
