"""What the end of a run on GPUs tells: memory that stayed, GPUs that are gone, what it took."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from runner.errors import GpuUnavailableError, StagerunError, Verdict
from runner.gpu.learnt import note, recall
from runner.gpu.memory_return import Kept, check_return
from runner.gpu.peaks import Peak, is_far, learn
from runner.host.gpu import lost
from runner.project.quantity import limit_text
from runner.run.attempt import Run
from runner.run.facts import GPU_LOST, Facts
from runner.run.gpu_request import gpu_box, notes_folder
from runner.run.gpu_watch import program_of

if TYPE_CHECKING:
    from runner.manifest import RunRecord

TOLD: Final = "gpu-told"


def lost_gpus(run: Run, facts: Facts) -> tuple[str, ...]:
    """Which of the run's GPUs are of no use any more; they are left out for a while."""
    gone = list(lost(run.request.grant.uuids, run.host.inventory()) or ())
    story = (facts.stop_story or "") if facts.stopped_for == GPU_LOST else ""
    if story:
        gone += [uuid for uuid in run.request.grant.uuids if story.startswith(f"{uuid}:")]
    box = gpu_box(run.request.project.settings.gpu, run.host)
    for uuid in gone:
        reason = story.removeprefix(f"{uuid}: ") or "it vanished during a run"
        try:
            box.mark_sick(uuid, f"{reason} (run {run.id})")
        except StagerunError:
            break
    return tuple(dict.fromkeys(gone))


def notes_at_end(run: Run, facts: Facts) -> Iterator[str]:
    """What the user must know beside the verdict."""
    yield from facts.notes
    for kept in _left(run, facts):
        yield _words(kept)
    if facts.exit_code == 0:
        yield from _far_request(run, facts)


def _left(run: Run, facts: Facts) -> list[Kept]:
    pids = facts.usage.gpu_pids if facts.usage else ()
    if run.request.held is None or not pids:
        return []
    try:
        return check_return(run.request.held, pids)
    except GpuUnavailableError:
        return []


def _words(kept: Kept) -> str:
    by = ", ".join(f"process {pid} ({program_of(pid)})" for pid in kept.holders)
    who = f"{by} still holds it" if by else "no process is said to hold it"
    return (
        f"{limit_text(kept.bytes)} of the memory of {kept.gpu.uuid} have not come back: {who}. "
        "That much is granted to nobody until it is free"
    )


def _far_request(run: Run, facts: Facts) -> Iterator[str]:
    """That a request has little to do with what was taken, once for each request."""
    request, sharing = run.request.gpu, run.request.project.settings.gpu
    if request is None or not isinstance(request.wish.memory, int) or facts.usage is None:
        return
    asked = request.wish.memory
    peak = max(facts.usage.gpu_memory_peaks.values(), default=0)
    key = {**request.key.parts, "asked": asked}
    if not peak or not is_far(asked, peak) or recall(notes_folder(sharing), TOLD, key):
        return
    note(notes_folder(sharing), TOLD, key, {"run_id": run.id})
    yield (
        f"{limit_text(asked)} of GPU memory were asked for ({request.source}), and the most that "
        f"was taken is {limit_text(peak)}; without gpu_memory what was learnt is asked for"
    )


def learn_peaks(run: Run, facts: Facts, record: "RunRecord") -> None:
    """Keep how much a run took that was watched from its start, for those that come after it.

    One for which the memory did not suffice would have taken all that it had, and more.
    """
    request, grant = run.request.gpu, run.request.grant
    tells = record.verdict in (Verdict.SUCCESS, Verdict.OOM_GPU) and facts.start_ms > 0
    if request is None or facts.usage is None or not tells:
        return
    folder = notes_folder(run.request.project.settings.gpu)
    for uuid, name, share in zip(grant.uuids, grant.names, grant.shares, strict=False):
        if peak := facts.usage.gpu_memory_peaks.get(uuid):
            took = max(peak, share) if record.verdict is Verdict.OOM_GPU else peak
            learn(folder, request.key, name, Peak(bytes=took, run_id=run.id))
