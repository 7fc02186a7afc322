"""Start a container, or rejoin one, and stay with it until it has ended: output, time limit, stop.

Nothing polls: one thread reads the output, one blocks in the engine's wait, one samples, and the
supervisor sleeps on a queue until one of them, the clock or the user has something to say.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from runner.errors import EngineError, EngineUnavailableError, StagerunError
from runner.events import Observer, Resources
from runner.host.container import Container, ContainerState
from runner.run.cancellation import Cancellation
from runner.run.facts import SIGNALLED, Facts, Stop
from runner.run.output import Output
from runner.run.unnoticed_end import woken

if TYPE_CHECKING:
    from runner.host.monitor import Sample, Usage

Ends: TypeAlias = "queue.SimpleQueue[int | Exception | Stop | None]"
KILL_WAIT_SECONDS: Final = 30.0
DRAIN_SECONDS: Final = 5.0
LONGEST_DRAIN_SECONDS: Final = 600.0


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """How to watch over one run; durations in seconds."""

    stage: str
    run_id: str
    timeout: float
    stop_grace: float
    gpus: tuple[str, ...]
    cancellation: Cancellation
    emit: Observer
    started: Callable[[], None] = lambda: None
    stopped_by: Callable[[], str | None] = lambda: None
    """Who stopped the container without asking this runner."""

    meanwhile: Callable[[], None] = lambda: None
    """Work for the time that the engine needs to start the container."""

    watch: "Callable[[Sample], Stop | None]" = lambda _: None
    """Looks at each sample, and says whether the run has to be stopped for what it shows."""

    notes: Callable[[], tuple[str, ...]] = tuple
    """What the watch has to say when the run has ended."""


def supervise(container: Container, output: Output, how: Supervision) -> Facts:
    """Start, watch and wait; returns the facts. Raises what the start raises."""
    ended: Ends = queue.SimpleQueue()
    reader = _reading(output, container.attach(), ended)
    begun = time.monotonic()
    threading.Thread(target=how.meanwhile, daemon=True, name="meanwhile").start()
    container.start()
    how.started()
    start_ms = (time.monotonic() - begun) * 1000
    return _to_the_end(container, output, reader, how, ended, datetime.now(UTC), start_ms)


def rejoin(container: Container, state: ContainerState, output: Output, how: Supervision) -> Facts:
    """Stay with a container that another runner had started; its output comes from the engine.

    In the state in which it was found it runs, or has ended meanwhile.
    """
    how.meanwhile()
    started_at = state.started_at or datetime.now(UTC)
    ended: Ends = queue.SimpleQueue()
    reader = _reading(output, container.kept_output(follow=state.is_running), ended)
    if state.is_running:
        with woken(container, state) as was_woken:
            facts = _to_the_end(container, output, reader, how, ended, started_at, 0.0)
        told = facts.report.exit_code if facts.report and was_woken() else None
        # An engine that had to be woken makes the exit code up.
        return replace(facts, exit_code=told) if told and facts.exit_code == 0 else facts
    over = replace(how, timeout=float("inf"))
    facts = _to_the_end(container, output, reader, over, ended, started_at, 0.0)
    ended_at = max(started_at, state.ended_at or started_at)
    return replace(
        facts, ended_at=ended_at, duration_seconds=(ended_at - started_at).total_seconds()
    )


def _reading(output: Output, frames: Iterator[tuple[int, bytes]], ended: Ends) -> threading.Thread:
    words = (output, frames, ended)
    reader = threading.Thread(target=_read, args=words, daemon=True, name="output")
    reader.start()
    return reader


def _to_the_end(
    container: Container,
    output: Output,
    reader: threading.Thread,
    how: Supervision,
    ended: Ends,
    started_at: datetime,
    start_ms: float,
) -> Facts:
    # What it has run already counts for its time limit.
    before = max(0.0, (datetime.now(UTC) - started_at).total_seconds())
    running = time.monotonic()
    threading.Thread(target=_wait, args=(container, ended), daemon=True, name="wait").start()
    with contextlib.ExitStack() as stack:
        stack.enter_context(how.cancellation.listening(lambda: ended.put(None)))
        state = _state(container)
        usage = stack.enter_context(_sampled(state, how, ended))
        end, stopped_for, story = _until_the_end(container, ended, how, how.timeout - before)
    duration = before + time.monotonic() - running
    if stopped_for is None and (somebody := how.stopped_by()):
        stopped_for = f"cancelled by {somebody}"
    _drain(reader, output)
    _check_reader(ended)
    end = _lost(container, stopped_for) or end if end in SIGNALLED else end
    broken = isinstance(end, StagerunError)
    final = None if broken else _state(container)
    return Facts(
        started_at=started_at,
        ended_at=datetime.now(UTC),
        duration_seconds=duration,
        exit_code=None if isinstance(end, StagerunError) else end,
        oom_event=None if broken else container.had_oom_event(),
        oom_flag=final.oom_killed if final else None,
        report=output.report,
        stopped_for=stopped_for,
        stop_story=story,
        notes=how.notes(),
        engine_error=str(end) if isinstance(end, StagerunError) else None,
        state=state or final,
        usage=usage(),
        tail=output.tail,
        media_seconds=output.media_seconds,
        container_id=container.id,
        start_ms=start_ms,
    )


def _read(output: Output, frames: Iterator[tuple[int, bytes]], ended: Ends) -> None:
    # The stream of an engine that goes away ends; wait() reports the cause.
    with _told(ended), contextlib.suppress(EngineError):
        output.read(frames)


@contextlib.contextmanager
def _told(ended: Ends) -> Iterator[None]:
    """Have the supervisor raise what goes wrong in a thread, and would be waited for in vain."""
    try:
        yield
    except Exception as problem:
        ended.put(problem)


def _check_reader(ended: Ends) -> None:
    """Raise what went wrong with the output while the container ended."""
    while not ended.empty():
        _without_fault(ended.get())


def _without_fault(end: int | Exception | Stop | None) -> int | StagerunError | Stop | None:
    """Raise a fault of the program; what is wrong with the engine is an end like others."""
    if isinstance(end, Exception) and not isinstance(end, StagerunError):
        raise end
    return end


def _drain(reader: threading.Thread, output: Output) -> None:
    """Let the reader come to the end of what the container had printed, as long as it advances."""
    before, end = -1, time.monotonic() + LONGEST_DRAIN_SECONDS
    while reader.is_alive() and output.received != before and time.monotonic() < end:
        before = output.received
        reader.join(DRAIN_SECONDS)


def _wait(container: Container, ended: Ends) -> None:
    with _told(ended):
        ended.put(container.wait())


def _lost(container: Container, stopped_for: str | None) -> StagerunError | None:
    """What became of a container that was ended by a signal which nobody here sent.

    An engine that is stopped in order ends its containers first, and only then answers no more.
    """
    try:
        if stopped_for is None:
            container.check_engine()
    except EngineUnavailableError as problem:
        return problem
    return None


def _state(container: Container) -> ContainerState | None:
    try:
        return container.state()
    except EngineError:
        return None


@contextlib.contextmanager
def _sampled(
    state: ContainerState | None, how: Supervision, ended: Ends
) -> Iterator[Callable[[], "Usage | None"]]:
    if state is None or not state.pid:
        yield lambda: None
        return
    from runner.host.sampler import sampling

    def show(sample: "Sample") -> None:
        how.emit(
            Resources(
                stage=how.stage,
                run_id=how.run_id,
                memory_bytes=sample.memory_bytes,
                cpu_seconds=sample.cpu_seconds,
                gpu_memory_bytes=sample.gpu_memory_bytes,
                gpu_utilisation=sample.gpu_utilisation,
            )
        )
        if (stop := how.watch(sample)) is not None:
            ended.put(stop)

    with sampling(state.pid, gpus=how.gpus, on_sample=show) as sampler:
        yield sampler.summary


def _until_the_end(
    container: Container,
    ended: Ends,
    how: Supervision,
    seconds: float,
) -> tuple[int | StagerunError, str | None, str | None]:
    deadline = time.monotonic() + seconds
    stopped_for: str | None = None
    story: str | None = None
    killed = False
    while True:
        try:
            left = min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX)
            end = _without_fault(ended.get(timeout=left))
        except queue.Empty:
            if killed:
                problem = "the container did not end after SIGKILL; look at it with docker ps"
                return EngineError(problem), stopped_for, story
            if stopped_for is None:
                stopped_for = "timeout"
                container.signal("SIGTERM")
                deadline = time.monotonic() + how.stop_grace
            else:
                killed = True
                container.signal("SIGKILL")
                deadline = time.monotonic() + KILL_WAIT_SECONDS
            continue
        if isinstance(end, Stop):
            if stopped_for is None:
                stopped_for, story, killed = end.cause, end.story, end.at_once
                container.signal("SIGKILL" if killed else "SIGTERM")
                deadline = time.monotonic() + (KILL_WAIT_SECONDS if killed else how.stop_grace)
            continue
        if end is not None:
            return end, stopped_for, story
        if how.cancellation.count > 1 and not killed:
            stopped_for, killed = _cancelled(how), True
            container.signal("SIGKILL")
            deadline = time.monotonic() + KILL_WAIT_SECONDS
        elif stopped_for is None:
            stopped_for = _cancelled(how)
            container.signal("SIGTERM")
            deadline = time.monotonic() + how.stop_grace
        else:
            # It was being stopped already; that somebody asked for it counts for more.
            stopped_for = _cancelled(how)


def _cancelled(how: Supervision) -> str:
    return f"cancelled by {how.cancellation.signal}"
