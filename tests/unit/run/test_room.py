"""What a run is expected to need, on disk and in memory, and what it is refused for."""

import contextlib
import json
import os
import threading
from pathlib import Path

import pytest

from runner.errors import Verdict
from runner.events import StageWaiting, WaitsFor
from runner.host.engine_fake import FakeProcess
from runner.host.machine import ProcessIdentity, memory_available_bytes, memory_total_bytes
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.project.config import parse_limits
from runner.run.disk_room import image_store
from runner.run.memory_promises import Shortage, expected_bytes, promise
from runner.run.outcome import Outcome
from runner.run.request import Request, RunOptions, resolve
from runner.run.runtime_folder import runtime_folder, try_lock
from tests.unit.run.conftest import PROBE, Place, copy
from tests.unit.run.plans import no_place, wait_for

MIB = 1 << 20
ME = ProcessIdentity.current()


@pytest.fixture(autouse=True)
def own_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests promise counts for nobody else."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def request_of(place: Place, job: Job, **limits: str) -> Request:
    project, options = place.project, RunOptions(limits=parse_limits(limits))
    return resolve(project.stages[PROBE], project, job, place.host, options)


def parent() -> ProcessIdentity:
    """A process that lives longer than the test."""
    fields = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
    return ProcessIdentity(os.getppid(), int(fields[19]), ME.boot_id, ME.machine_id)


def report_peak(process: FakeProcess) -> int:
    """A stage whose container says how much memory it took."""
    report = {"type": "end", "exit_code": 0, "oom_kills": 0, "memory_peak_bytes": 100 * MIB}
    process.print_error(f"\x1e{json.dumps(report)}")
    return copy(process)


def test_a_declared_need_of_disk_is_asked_for_beside_what_stays_free(
    place: Place, job: Job
) -> None:
    outcome = place.run(job, limits=parse_limits({"disk": "900TiB"}))
    assert (outcome.verdict, outcome.exit_code) == (Verdict.DISK_FULL, 9)
    assert "that it may write (option)" in place.said()


def test_a_result_is_expected_to_be_as_large_as_the_last_one(place: Place, job: Job) -> None:
    place.run(job)
    place.kit.settings("limits: {disk_free: 900TiB}\n")
    assert place.run(job, force=True).verdict is Verdict.DISK_FULL
    assert "6 B that it may write (as its last result)" in place.said()


def test_the_engine_is_asked_once_where_it_keeps_its_images(place: Place) -> None:
    asked = image_store(place.engine)
    (noted,) = runtime_folder("image-stores").iterdir()
    noted.write_text("")
    assert image_store(place.engine) == asked
    noted.write_text("/elsewhere")
    assert (asked, image_store(place.engine)) == (Path("/"), Path("/elsewhere"))


def test_a_store_that_cannot_be_looked_at_keeps_nothing_from_starting(
    place: Place, job: Job
) -> None:
    image_store(place.engine)
    (noted,) = runtime_folder("image-stores").iterdir()
    noted.write_text("\0")
    assert place.run(job).good


def test_memory_that_is_not_available_is_refused_with_both_numbers(place: Place, job: Job) -> None:
    total = memory_total_bytes()
    outcome = place.run(job, limits=parse_limits({"memory": str(total)}))
    assert (outcome.verdict, outcome.exit_code) == (Verdict.NOT_ADMITTED, 11)
    assert "are available on this machine" in place.said()
    assert "--wait" in place.said()


def test_a_limit_that_the_last_run_came_nowhere_near_keeps_nothing_from_starting(
    place: Place, job: Job
) -> None:
    place.programs[PROBE] = report_peak
    place.run(job)
    total = str(memory_total_bytes())
    entry = read_entries(job)[PROBE]
    assert expected_bytes(request_of(place, job, memory=total), job, entry) == 125 * MIB
    assert expected_bytes(request_of(place, job, memory="64MiB"), job, entry) == 64 * MIB
    assert place.run(job, force=True, limits=parse_limits({"memory": total})).good


def test_what_others_were_promised_is_not_available(place: Place, job: Job) -> None:
    request, most = request_of(place, job), memory_available_bytes() or 0
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        assert promise(request, int(most * 0.6), parent(), theirs) is None
        shortage = promise(request, int(most * 0.6), ME, ours)
        assert shortage is not None
        assert "are still to take" in shortage.reason
        assert not shortage.ours
    with contextlib.ExitStack() as ours:
        assert promise(request, int(most * 0.6), ME, ours) is None


def test_a_stage_of_the_same_call_is_known_to_be_in_the_way(place: Place, job: Job) -> None:
    request, most = request_of(place, job), memory_available_bytes() or 0
    with contextlib.ExitStack() as held:
        promise(request, int(most * 0.6), ME, held)
        shortage = promise(request, int(most * 0.6), ME, held)
        assert isinstance(shortage, Shortage)
        assert shortage.ours


def test_promises_of_dead_runners_and_broken_notes_are_removed(place: Place, job: Job) -> None:
    request, most = request_of(place, job), memory_available_bytes() or 0
    dead = ProcessIdentity(pid=1, started=1, boot_id="before", machine_id="machine")
    with contextlib.ExitStack() as held:
        promise(request, int(most * 0.6), dead, held)
        (runtime_folder("memory") / "torn.json").write_text("{")
        assert promise(request, int(most * 0.6), ME, held) is None
        assert len(list(runtime_folder("memory").glob("*.json"))) == 1
    assert not list(runtime_folder("memory").glob("*.json"))


def test_a_runner_that_stands_still_does_not_hold_up_all_others(place: Place, job: Job) -> None:
    with (runtime_folder("memory") / "lock").open("w") as file:
        assert try_lock(file.fileno())
        found = promise(request_of(place, job), 1, ME, contextlib.ExitStack())
    assert found is not None
    assert "stands still" in found.reason
    assert not found.ours


def test_a_stage_waits_for_memory_and_says_so_once(place: Place, job: Job) -> None:
    total = parse_limits({"memory": str(memory_total_bytes())})
    outcome = place.run(job, wait_seconds=0.5, limits=total)
    waits = [event.reason for event in place.events if isinstance(event, StageWaiting)]
    assert outcome.verdict is Verdict.NOT_ADMITTED
    assert len(waits) == 1
    assert "may need" in waits[0]


def test_what_a_stage_waits_for_is_told_anew_when_it_is_something_else(
    place: Place, job: Job
) -> None:
    """Not at once: while memory is short, places are taken and let go beside it."""
    place.kit.settings("limits: {stages_at_once: 1}\n")
    most = memory_available_bytes() or 0
    outcomes: list[Outcome] = []
    limits = parse_limits({"memory": f"{most * 6 // 10 >> 20}MiB"})

    def run() -> None:
        outcomes.append(place.run(job, wait_seconds=60, limits=limits))

    def told() -> list[WaitsFor]:
        return [it.waits_for for it in tuple(place.events) if isinstance(it, StageWaiting)]

    waiting = threading.Thread(target=run)
    with contextlib.ExitStack() as theirs:
        promise(request_of(place, job), int(most * 0.6), parent(), theirs)
        waiting.start()
        wait_for(lambda: told() == [WaitsFor.RESOURCE])
        theirs.enter_context(no_place())
        wait_for(lambda: told() == [WaitsFor.RESOURCE, WaitsFor.PLACE])
    waiting.join(20)
    assert [it.verdict for it in outcomes] == [Verdict.SUCCESS]
