"""A run that needs a GPU and a place, and cannot have both at once."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.errors import EngineError, Verdict
from runner.events import StageWaiting, WaitsFor
from runner.gpu.ledger import Ledger
from runner.gpu.reservation import State
from runner.host.engine_fake import FakeProcess
from runner.host.gpu import Inventory
from runner.job.folder import Job
from runner.project.config import parse_limits
from runner.run.admission import GPU_PATIENCE_SECONDS
from runner.run.gpu_request import gpu_box
from runner.run.outcome import Outcome
from runner.run.runtime_folder import runtime_folder, try_lock
from tests.project_kit import STAGE_YAML
from tests.unit.gpu.kit import entry
from tests.unit.run.conftest import GPU, IDENTITY, PROBE, Place, copy, record_of
from tests.unit.run.plans import no_place, wait_for


@pytest.fixture
def gpu_place(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A machine with one GPU and one place, and a stage that needs both."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    place.kit.settings("limits: {stages_at_once: 1}\n")
    place.kit.spec(PROBE, STAGE_YAML.format(source="input/text") + "gpu: required\n")
    place.build()
    place.inventory = Inventory(gpus=(GPU,))
    return place


@contextlib.contextmanager
def running(
    place: Place, job: Job, wait_seconds: float = 60, **options: Any
) -> Iterator[list[Outcome]]:
    """A run beside the test; how it ended is there after the block."""
    ended: list[Outcome] = []

    def run_it() -> None:
        ended.append(place.run(job, wait_seconds=wait_seconds, **options))

    run = threading.Thread(target=run_it, daemon=True)
    run.start()
    yield ended
    run.join(30)
    assert not run.is_alive()


def ledger_of(place: Place) -> Ledger:
    return gpu_box(place.project.settings.gpu, place.host).ledger


def states(place: Place) -> list[State]:
    ledger = ledger_of(place)
    with ledger.turn():
        return [it.state for it in ledger.entries() if it.id != "other"]


def waits(place: Place) -> list[WaitsFor]:
    return [it.waits_for for it in tuple(place.events) if isinstance(it, StageWaiting)]


def test_a_gpu_is_given_back_while_there_is_no_place_to_use_it(gpu_place: Place, job: Job) -> None:
    with no_place() as taken, running(gpu_place, job) as ended:
        wait_for(lambda: states(gpu_place) == [State.HELD])
        wait_for(lambda: states(gpu_place) == [])
        assert not ended
        taken.close()
    assert [it.verdict for it in ended] == [Verdict.SUCCESS]
    assert record_of(job, ended[0].run_id)["gpu"]["uuids"] == ["GPU-1"]
    assert waits(gpu_place) == [WaitsFor.PLACE]
    assert states(gpu_place) == []


def test_who_gave_its_gpu_back_waits_for_it_in_its_old_turn_and_takes_no_place(
    gpu_place: Place, job: Job
) -> None:
    ledger = ledger_of(gpu_place)
    with no_place() as taken, running(gpu_place, job) as ended:
        wait_for(lambda: states(gpu_place) == [State.HELD])
        with ledger.turn():
            (first,) = ledger.entries()
        wait_for(lambda: states(gpu_place) == [])
        with ledger.turn():
            ledger.write(entry("other", {1: 6}, owner=IDENTITY))
        taken.close()
        wait_for(lambda: states(gpu_place) == [State.WAITING])
        with ledger.turn():
            assert first.ticket in [it.ticket for it in ledger.entries()]
        wait_for(lambda: waits(gpu_place) == [WaitsFor.PLACE, WaitsFor.RESOURCE])
        with (runtime_folder("slots") / "0.lock").open("w") as file:
            assert try_lock(file.fileno())
            assert not ended
        ledger.remove("other")
    assert [it.verdict for it in ended] == [Verdict.SUCCESS]


def test_a_run_that_may_wait_no_longer_says_that_there_was_no_place(
    gpu_place: Place, job: Job
) -> None:
    with no_place(), running(gpu_place, job, wait_seconds=0.2) as ended:
        pass
    assert [it.verdict for it in ended] == [Verdict.NOT_ADMITTED]
    with no_place(), running(gpu_place, job, wait_seconds=4) as ended:
        wait_for(lambda: states(gpu_place) == [State.HELD])
    assert [it.verdict for it in ended] == [Verdict.NOT_ADMITTED]
    assert states(gpu_place) == []


@pytest.mark.parametrize("wait_seconds", [0, 60])
def test_who_waits_for_a_stage_of_its_own_call_gives_its_gpu_back_if_it_may_wait_for_it(
    gpu_place: Place, wait_seconds: float
) -> None:
    """That stage is waited for even by who may not wait: it would not get the GPU again."""
    go_on = threading.Event()

    def work(process: FakeProcess) -> int:
        assert go_on.wait(20)
        return copy(process)

    gpu_place.programs[PROBE] = work
    half = parse_limits({"gpu_memory": "3GiB"})
    with running(gpu_place, gpu_place.job("one"), limits=half) as first:
        wait_for(lambda: len(gpu_place.engine.created) == 1)
        with running(gpu_place, gpu_place.job("two"), wait_seconds, limits=half) as second:
            wait_for(lambda: states(gpu_place) == [State.HELD, State.HELD])
            time.sleep(GPU_PATIENCE_SECONDS + 0.5)
            assert len(states(gpu_place)) == (1 if wait_seconds else 2)
            assert not second
            go_on.set()
    assert [it.verdict for it in (*first, *second)] == [Verdict.SUCCESS, Verdict.SUCCESS]


def test_a_container_that_could_not_be_removed_keeps_the_gpu_memory_that_it_may_take(
    gpu_place: Place, job: Job
) -> None:
    """The engine may have been about to start it when it went away."""
    gpu_place.engine.start_error = gpu_place.engine.remove_error = EngineError("it is going away")
    assert not gpu_place.run(job).good
    assert states(gpu_place) == [State.OUTLIVED]
    gpu_place.engine.start_error = gpu_place.engine.remove_error = None
    assert gpu_place.run(gpu_place.job("other")).verdict is Verdict.GPU_UNAVAILABLE
    assert gpu_place.run(job).verdict is Verdict.SUCCESS
