"""Going on with a run whose runner died, while its container ran or ended unwatched.

The engine's own copy of the output says what the dead runner may have missed. It is read twice:
while the container runs, so that progress shows, and whole at the end, because following it can
lose the last words. What was told before is not told again.
"""

import contextlib
import os
import shutil
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.errors import Verdict
from runner.events import Event, LogLine, Notice, Observer
from runner.host.container import Container
from runner.job.journal import ADOPTED, ENDED, STARTED, owner_of
from runner.job.own_file import open_own, open_regular
from runner.run.attempt import Run
from runner.run.conclusion import (
    announce,
    circumstances,
    conclude,
    output_into,
    supervision,
)
from runner.run.contract import check_contract
from runner.run.ended import note_end, unfinished
from runner.run.facts import Facts
from runner.run.request import Request
from runner.run.stopwatch import Stopwatch
from runner.run.supervision import rejoin
from runner.run.verdict import judge

if TYPE_CHECKING:
    from runner.manifest import RunRecord

HEAD_BYTES: Final = 1 << 16
TRUNCATED: Final = (
    "\n[the runner died here; what follows is what the engine kept, which lacks the beginning]\n"
)


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """A run of a dead runner that was gone on with, and its record."""

    run: Run
    record: "RunRecord"

    def answers(self, request: Request) -> bool:
        """Whether its end is what the present call asks for; one that was lost never is."""
        if self.record.verdict is Verdict.RUNNER_LOST:
            return False
        cancelled = self.run.host.cancellation.requested
        return cancelled or self.record.fingerprint == request.fingerprint


def is_adoptable(
    steps: Sequence[dict[str, Any]], containers: Sequence[Container], run: Run
) -> bool:
    """Whether there is a container, since the same boot, of which nobody saw the end."""
    return (
        len(containers) == 1
        and containers[0].state().status != "created"
        and all(step["step"] != ENDED for step in steps)
        and owner_of(steps).get("boot_id") == run.host.identity.boot_id
    )


def adopt(run: Run, container: Container, emit: Observer) -> Adopted:
    """Stay with the container to its end and close its run. Raises what the engine raises.

    The GPU memory that it has stays its own. Whatever breaks this off leaves the run open for the
    next runner.
    """
    if not run.request.grant.uuids:
        return _adopt(run, container, emit)
    from runner.run.gpu_request import reserved_again

    with reserved_again(run.request, run.job, run.host, run.id, container.id) as request:
        return _adopt(replace(run, request=request), container, emit)


def _adopt(run: Run, container: Container, emit: Observer) -> Adopted:
    clock = Stopwatch()
    steps = run.journal.read()
    if all(step["step"] != STARTED for step in steps):
        run.journal.write(STARTED)
    run.journal.write(ADOPTED, owner=asdict(run.host.identity))
    emit(Notice(stage=run.request.stage.id, message=_found(run, steps)))
    announce(run, emit, adopted=True)
    state = container.state()
    live, again = two_readings(emit)
    output = output_into(Path(os.devnull), run, live)
    facts = rejoin(container, state, output, supervision(run, emit))
    facts = _without_proof(facts)
    if facts.engine_error is None:
        facts = _with_kept_output(run, container, facts, again)
    clock.split(run=facts.duration_seconds * 1000)
    if state.is_running or facts.report is not None:
        record = _concluded(run, container, facts, clock)
    else:
        record = _lost(run, container, facts)
    return Adopted(run=run, record=record)


def _without_proof(facts: Facts) -> Facts:
    """What was not seen of a GPU proves nothing: it may have been used before the adoption."""
    if facts.usage is None or facts.usage.gpu_used is not False:
        return facts
    return replace(facts, usage=replace(facts.usage, gpu_used=None))


def _found(run: Run, steps: list[dict[str, Any]]) -> str:
    pid = owner_of(steps)["pid"]
    return f"the runner of run {run.id} died (process {pid}); this call goes on with its container"


def two_readings(emit: Observer) -> tuple[Observer, Observer]:
    """Observers for the first and the second reading; log lines of both are told once.

    A first reading that lags behind has no more to tell once the second has begun.
    """
    heard: Counter[int] = Counter()
    guard, is_second = threading.Lock(), threading.Event()

    def first(event: Event) -> None:
        with guard:
            if is_second.is_set():
                return
            if isinstance(event, LogLine):
                heard[hash(event)] += 1
            emit(event)

    def second(event: Event) -> None:
        with guard:
            is_second.set()
            if not isinstance(event, LogLine):
                return
            if heard[hash(event)]:
                heard[hash(event)] -= 1
            else:
                emit(event)

    return first, second


def _with_kept_output(run: Run, container: Container, facts: Facts, emit: Observer) -> Facts:
    """The facts that all of the output tells; ``output.log`` becomes what the engine has kept."""
    kept = run.output_log.with_suffix(".kept")
    os.close(run.job.make_file(kept))
    output = output_into(kept, run, emit)
    output.read(container.kept_output(follow=False))
    if _begins_later(kept, run.output_log):
        descriptor = open_own(run.output_log, os.O_WRONLY | os.O_APPEND)
        with os.fdopen(descriptor, "ab") as log, kept.open("rb") as rest:
            log.write(TRUNCATED.encode())
            shutil.copyfileobj(rest, log)
        kept.unlink()
    else:
        kept.replace(run.output_log)
    return replace(facts, report=output.report, tail=output.tail)


def _begins_later(kept: Path, log: Path) -> bool:
    """Whether the first line that the dead runner had written down is not at the copy's beginning.

    The two streams of a container may be mixed otherwise in the copy.
    """
    with (
        contextlib.suppress(OSError),
        os.fdopen(open_regular(log, os.O_RDONLY), "rb") as written,
        kept.open("rb") as copy,
    ):
        line = written.read(HEAD_BYTES).partition(b"\n")[0]
        return line not in copy.read(4 * HEAD_BYTES)
    return False


def _concluded(run: Run, container: Container, facts: Facts, clock: Stopwatch) -> "RunRecord":
    stage, around = run.request.stage, circumstances(run, facts)
    note_end(run, facts, around, clock.laps_ms)
    container.remove()
    clock.lap("teardown")
    found = check_contract(stage, run.job.stage_folder(stage.id), run.id)
    judgement = judge(facts, found, around)
    clock.lap("validate")
    return conclude(run, facts, found, judgement, around, clock)


def _lost(run: Run, container: Container, facts: Facts) -> "RunRecord":
    from runner.run.closing import close

    container.remove()
    reason = (
        "The runner of this run died, and its container ended without a report while nobody "
        f"watched it (exit code {facts.exit_code})."
    )
    record = unfinished(run.job, run.id, run.journal.read(), Verdict.RUNNER_LOST, reason)
    close(run.job, record)
    return record
