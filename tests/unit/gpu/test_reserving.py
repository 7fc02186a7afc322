"""Reserving: at once, in its turn, or refused with the reason; and nothing stays behind."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import CancelledError, GpuUnavailableError, SettingsError
from runner.gpu.box import no_node
from runner.gpu.ledger import NANOSECONDS
from runner.gpu.memory_return import check_return
from runner.gpu.placement import Wish
from runner.gpu.reservation import State
from runner.gpu.reserving import Claimant, Held, reserved, taken_over
from runner.gpu.sickness import REST_SECONDS
from runner.host.gpu import Absence, GpuFault, Inventory
from runner.host.machine import ProcessIdentity
from runner.host.nvml_calls import GPU_IS_LOST
from tests.unit.gpu.kit import DEAD, GIB, ME, OTHER, Machine, entry, gpu


def claimant() -> Claimant:
    return Claimant(stage="06_asr", job="out/mine")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "ledger")


@contextmanager
def reserving(
    machine: Machine,
    wish: Wish,
    *,
    me: ProcessIdentity = ME,
    wait: float | None = 0.0,
    told: list[str] | None = None,
    stopped: str | None = None,
) -> Iterator[Held]:
    said = [] if told is None else told
    with reserved(
        wish,
        claimant(),
        machine.box(me),
        wait_seconds=wait,
        stopped=lambda: stopped,
        waiting=said.append,
    ) as held:
        yield held


def wait_in_vain(
    machine: Machine,
    wish: Wish,
    seconds: float,
    *,
    looking: Callable[[], None] = lambda: None,
    waiting: Callable[[str], None] = lambda _: None,
) -> None:
    """Wait until it is refused; ``looking`` is called again and again meanwhile."""
    with (
        pytest.raises(GpuUnavailableError),
        reserved(
            wish,
            claimant(),
            machine.box(),
            wait_seconds=seconds,
            stopped=looking,
            waiting=waiting,
        ),
    ):
        pytest.fail("it was granted")


def gib(size: int) -> Wish:
    return Wish(memory=size * GIB)


def test_memory_is_reserved_for_the_time_of_the_block(machine: Machine) -> None:
    with reserving(machine, gib(10)) as held:
        assert held.entry.shares == {"GPU-0": 10 * GIB}
        (found,) = machine.box().look().entries
        assert (found.state, found.stage, found.job) == (State.HELD, "06_asr", "out/mine")
        with reserving(machine, gib(20), me=OTHER) as second:
            assert second.entry.shares == {"GPU-1": 20 * GIB}
    assert machine.files() == set()


def test_what_is_taken_is_refused_at_once_with_who_has_it(machine: Machine) -> None:
    machine.gpus = (gpu(0),)
    with reserving(machine, gib(20), me=OTHER):
        with (
            pytest.raises(GpuUnavailableError, match=r"06_asr of out/mine .*--wait"),
            reserving(machine, gib(10)),
        ):
            pytest.fail("it was granted")
        assert len(machine.files()) == 1


def test_what_no_gpu_has_is_refused_at_once_even_by_who_would_wait(machine: Machine) -> None:
    with pytest.raises(GpuUnavailableError, match="No GPU here is as large as 25 GiB"):  # noqa: SIM117
        with reserving(machine, gib(25), wait=60):
            pytest.fail("it was granted")
    assert machine.files() == set()


LEARNT = Wish(learnt={"Fake": 25 * GIB})
ALL_OF_IT = r"25 GiB were learnt, which is all that a GPU here has, or more"


def test_more_than_a_gpu_has_that_was_learnt_is_not_told_to_be_lowered(machine: Machine) -> None:
    """Nobody has set it."""
    machine.gpus = (gpu(0),)
    with reserving(machine, LEARNT) as held:
        assert (held.entry.shares, held.entry.whole) == ({"GPU-0": 24 * GIB}, True)
    told: list[str] = []
    with (
        reserving(machine, gib(1), me=OTHER),
        pytest.raises(GpuUnavailableError) as caught,
        reserving(machine, LEARNT, wait=0.1, told=told),
    ):
        pytest.fail("it was granted")
    refused = str(caught.value)
    assert refused.startswith(f"No GPU is free of others ({ALL_OF_IT}): GPU 0 (Fake) has 23 GiB")
    assert "Wait for it (--wait), or set gpu_memory;" in refused
    assert told == [f"waiting for a GPU without other programs ({ALL_OF_IT}), behind {_name()}"]


def test_what_was_learnt_and_is_merely_taken_is_told_as_what_it_is(machine: Machine) -> None:
    machine.gpus = (gpu(0),)
    told: list[str] = []
    with (
        reserving(machine, gib(20), me=OTHER),
        pytest.raises(GpuUnavailableError, match=r"No GPU has 10 GiB free: .* or set gpu_memory;"),
        reserving(machine, Wish(learnt={"Fake": 10 * GIB}), wait=0.1, told=told),
    ):
        pytest.fail("it was granted")
    assert told == [f"waiting for 10 GiB of GPU memory (learnt), behind {_name()}"]


def test_a_claim_becomes_one_of_a_whole_gpu_when_a_screen_takes_what_was_left(
    machine: Machine,
) -> None:
    machine.gpus = (gpu(0),)
    claims: list[bool] = []

    def watch() -> None:
        machine.gpus = (gpu(0, used=3, drawing=((901, 3),)),)
        claims.extend(it.whole for it in machine.box().look().entries if it.id != "other")

    with machine.ledger(OTHER).turn():
        machine.ledger(OTHER).write(entry("other", {0: 20}, ticket=1))
    wait_in_vain(machine, Wish(learnt={"Fake": 22 * GIB}), 0.6, looking=watch)
    assert (claims[0], claims[-1]) == (False, True)


def test_who_waits_says_for_what_and_behind_whom_and_gets_it_in_turn(machine: Machine) -> None:
    machine.gpus = (gpu(0),)
    told: list[str] = []
    got = threading.Event()

    def wait() -> None:
        with reserving(machine, gib(10), wait=20, told=told):
            got.set()

    thread = threading.Thread(target=wait)
    with reserving(machine, gib(20), me=OTHER):
        thread.start()
        assert not got.wait(0.1)
        (waiting,) = [it for it in machine.box().look().entries if it.state is State.WAITING]
        assert waiting.shares == {"GPU-0": 10 * GIB}
    assert got.wait(10)
    thread.join()
    assert told == [f"waiting for 10 GiB of GPU memory, behind {_name()}"]
    assert machine.files() == set()


def _name() -> str:
    return claimant().entry(Machine(Path()).box(), state=State.HELD, shares={}).name


def test_another_run_of_this_process_is_waited_for_in_any_case(machine: Machine) -> None:
    machine.gpus = (gpu(0),)
    order: list[str] = []

    def second() -> None:
        with reserving(machine, gib(10), told=order):
            order.append("second")

    thread = threading.Thread(target=second)
    with reserving(machine, gib(20)):
        thread.start()
        while not order:
            pass
        order.append("first ends")
    thread.join()
    assert order[1:] == ["first ends", "second"]


def test_one_that_waits_and_was_stopped_holds_nobody_up_and_keeps_its_place(
    machine: Machine,
) -> None:
    machine.gpus = (gpu(0),)
    ledger = machine.ledger(OTHER)
    with ledger.turn():
        ledger.write(entry("waits", {0: 24}, ticket=1, state=State.WAITING, whole=True))
    with (
        pytest.raises(GpuUnavailableError, match="after 06_asr of out/waits"),
        reserving(machine, gib(1)),
    ):
        pytest.fail("it went past")
    machine.stopped = {OTHER}
    with reserving(machine, gib(1)):
        pass
    assert machine.files() == {"waits.json"}


def test_one_that_claims_all_for_ever_is_named(machine: Machine) -> None:
    """Nobody can forbid a user to claim what they like; everybody can see who it was."""
    ledger = machine.ledger(OTHER)
    with ledger.turn():
        everything = {0: 10**6, 1: 10**6}
        ledger.write(entry("greedy", everything, ticket=0, state=State.WAITING, whole=True))
    told: list[str] = []
    with (
        pytest.raises(GpuUnavailableError, match=r"after 06_asr of out/greedy \(anna\)"),
        reserving(machine, gib(1), wait=0.1, told=told),
    ):
        pytest.fail("it was granted")
    assert told == ["waiting for 1 GiB of GPU memory, behind 06_asr of out/greedy (anna)"]


def test_memory_that_a_stopped_run_has_stays_its_own(machine: Machine) -> None:
    machine.gpus, machine.stopped = (gpu(0),), {OTHER}
    with (
        reserving(machine, gib(20), me=OTHER),
        pytest.raises(GpuUnavailableError),
        reserving(machine, gib(10)),
    ):
        pytest.fail("it was granted")


def test_waiting_can_be_cancelled_and_leaves_no_claim(machine: Machine) -> None:
    machine.gpus = (gpu(0),)
    with reserving(machine, gib(20), me=OTHER):
        with pytest.raises(CancelledError, match="SIGTERM"):  # noqa: SIM117
            with reserving(machine, gib(10), wait=60, stopped="SIGTERM"):
                pytest.fail("it was granted")
        assert len(machine.files()) == 1


def test_a_run_that_keeps_its_container_keeps_its_memory_when_the_runner_dies(
    machine: Machine,
) -> None:
    machine.gpus = (gpu(0),)
    with reserving(machine, gib(20), me=DEAD) as held:
        held.note_container("run", "box")
        machine.containers = {"box": {100}}
        with pytest.raises(GpuUnavailableError), reserving(machine, gib(10)):
            pytest.fail("it was granted")
        taken = taken_over({"GPU-0": 20 * GIB}, claimant(), "run", "box", machine.box())
        assert taken.entry.ticket == held.entry.ticket
        assert {it.id for it in machine.box().look().entries} == {taken.entry.id}
        machine.containers = {}
        taken.give_back()
    assert machine.files() == set()


def test_a_container_that_outlives_its_run_keeps_its_memory_until_it_has_ended(
    machine: Machine,
) -> None:
    """As with an engine that goes away under its containers, and comes back."""
    machine.gpus = (gpu(0),)
    machine.containers = {"box": {100}}
    with reserving(machine, gib(20)) as held:
        held.note_container("run", "box")
        held.note_started()
    with (
        pytest.raises(GpuUnavailableError, match="06_asr of out/mine"),
        reserving(machine, gib(10)),
    ):
        pytest.fail("it was granted")
    machine.containers = {}
    with reserving(machine, gib(10)):
        pass
    assert machine.files() == set()


def test_a_container_that_lives_has_left_nothing_behind_and_may_take_the_rest(
    machine: Machine,
) -> None:
    machine.gpus = (gpu(0, used=3, processes=((100, 3),)),)
    machine.containers = {"box": {100}}
    with reserving(machine, gib(20)) as held:
        held.note_container("run", "box")
        held.note_started()
        assert check_return(held, {100}, grace_seconds=0) == []
    (entry,) = machine.box().look().entries
    assert (entry.state, entry.shares) == (State.OUTLIVED, {"GPU-0": 20 * GIB})


def test_a_run_whose_container_was_never_started_gives_its_memory_back(machine: Machine) -> None:
    machine.containers = {"box": {100}}
    with reserving(machine, gib(20)) as held:
        held.note_container("run", "box")
    assert machine.files() == set()


def test_a_container_that_may_be_about_to_run_keeps_its_memory(machine: Machine) -> None:
    """As with an engine that goes away while it starts it: nobody can remove it then."""
    with reserving(machine, gib(20)) as held:
        held.note_container("run", "box")
        held.is_left = True
    (entry,) = machine.box().look().entries
    assert (entry.state, entry.shares) == (State.OUTLIVED, {"GPU-0": 20 * GIB})


def test_who_goes_on_with_a_run_that_was_to_be_alone_leaves_it_alone(machine: Machine) -> None:
    machine.gpus = (gpu(0, used=10, processes=((900, 10),)),)
    machine.containers = {"box": {100}}
    with reserving(machine, Wish()) as held:
        held.note_container("run", "box")
        taken = taken_over(held.entry.shares, claimant(), "run", "box", machine.box())
        machine.gpus = (gpu(0),)
        assert machine.box().look().accounts["GPU-0"].free_bytes == 0
        taken.give_back()


def test_a_start_that_cannot_be_noted_breaks_no_run_off(machine: Machine) -> None:
    with reserving(machine, gib(20)) as held:
        held.note_container("run", "box")
        (machine.folder / f"{held.entry.id}.json").unlink()
        machine.folder.rmdir()
        machine.folder.write_text("in the way")
        held.note_started()
        assert held.entry.started
        machine.containers = {"box": {100}}


def test_a_run_that_is_gone_on_with_takes_what_the_driver_keeps_for_nothing_left_behind(
    machine: Machine,
) -> None:
    machine.gpus = (gpu(0, used=5, processes=((100, 4),)), gpu(1, used=9))
    taken = taken_over({"GPU-0": 4 * GIB}, claimant(), "run", "box", machine.box())
    assert taken.entry.unlisted_bytes == {"GPU-0": GIB}
    assert taken.entry.started


def test_memory_that_did_not_come_back_stays_taken_and_is_released_by_itself(
    machine: Machine,
) -> None:
    machine.gpus = (gpu(0, used=3, processes=((100, 3),)),)
    with reserving(machine, gib(20)) as held:
        held.keep({"GPU-0": 3 * GIB}, (100,))
    with pytest.raises(GpuUnavailableError), reserving(machine, gib(22)):
        pytest.fail("it was granted")
    assert len(machine.files()) == 1
    machine.gpus = (gpu(0),)
    with reserving(machine, gib(22)):
        pass
    assert machine.files() == set()


def test_a_sick_gpu_is_left_out_for_a_while_with_the_reason(machine: Machine) -> None:
    machine.box().mark_sick("GPU-0", "Xid 79")
    look = machine.box().look()
    assert (set(look.accounts), look.sick) == ({"GPU-1"}, {"GPU-0": "Xid 79"})
    (mark,) = machine.folder.glob("*.sick")
    text = json.loads(mark.read_text())
    mark.write_text(json.dumps(text | {"at": text["at"] - REST_SECONDS * NANOSECONDS}))
    assert set(machine.box().look().accounts) == {"GPU-0", "GPU-1"}
    assert not mark.exists()


def test_marks_that_no_runner_made_leave_no_gpu_out_and_hold_nobody_up(machine: Machine) -> None:
    machine.box().mark_sick("GPU-0", "Xid 79")
    (mark,) = machine.folder.glob("*.sick")
    text = json.loads(mark.read_text())
    mark.write_text(json.dumps(text | {"at": text["at"] + 1000 * NANOSECONDS}))
    os.mkfifo(machine.folder / "GPU-0-1.sick")
    (machine.folder / "GPU-0-2.sick").symlink_to("/dev/zero")
    (machine.folder / "GPU-0-3.sick").write_text("[" * 50_000)
    (machine.folder / "GPU-0-4.sick").mkdir()
    (machine.folder / "GPU-0-5.sick").write_text('{"at": 1e999}')
    look = machine.box().look()
    assert (set(look.accounts), look.sick) == ({"GPU-0", "GPU-1"}, {})
    assert machine.files() == {"GPU-0-4.sick"}


def test_the_mark_of_another_user_is_shown_without_its_control_characters(machine: Machine) -> None:
    machine.box().mark_sick("GPU-0", "Xid 79")
    (mark,) = machine.folder.glob("*.sick")
    mark.write_text(json.dumps(json.loads(mark.read_text()) | {"reason": "\x1b[2J" + "a" * 999}))
    assert machine.box().look().sick["GPU-0"] == "[2J" + "a" * 297


def test_a_mark_does_not_write_where_a_link_of_another_user_points(
    machine: Machine, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    with machine.ledger().turn():
        for name in (".GPU-0.sick", f"GPU-0-{os.geteuid()}.sick"):
            (machine.folder / name).symlink_to(victim)
    machine.box().mark_sick("GPU-0", "Xid 79")
    assert victim.read_text() == "mine"
    assert set(machine.box().look().sick) == {"GPU-0"}


def test_who_needs_a_gpu_alone_is_not_passed_by_what_would_fit_beside_its_claim(
    machine: Machine,
) -> None:
    """The claim is as large as the room; when strangers leave, there is more room than that."""
    machine.gpus = (gpu(0, used=4, processes=((900, 4),)),)
    refused: list[bool] = []

    def others(_: str) -> None:
        machine.gpus = (gpu(0),)
        with pytest.raises(GpuUnavailableError), reserving(machine, gib(2), me=OTHER):
            pytest.fail("it went past")
        refused.append(True)

    with machine.ledger(OTHER).turn():
        machine.ledger(OTHER).write(entry("other", {0: 20}, ticket=1))
    wait_in_vain(machine, Wish(), 0.1, waiting=others)
    assert refused


def test_a_claim_on_too_few_gpus_grows_as_soon_as_there_are_enough(machine: Machine) -> None:
    """One was silent for a moment: those that came later would go past on it for ever."""
    claims: list[dict[str, int]] = []
    machine.faults = (GpuFault(1, "busy", GPU_IS_LOST),)
    machine.gpus = (gpu(0),)

    def look_again() -> None:
        entries = machine.box().look().entries
        claims.extend(dict(it.shares) for it in entries if it.state is State.WAITING)
        machine.faults, machine.gpus = (), (gpu(0), gpu(1))

    with machine.ledger(OTHER).turn():
        machine.ledger(OTHER).write(entry("other", {1: 20}, ticket=1))
    wait_in_vain(machine, Wish(count=2, memory=10 * GIB), 0.8, looking=look_again)
    assert claims[0] == {"GPU-0": 10 * GIB}
    assert claims[-1] == {"GPU-0": 10 * GIB, "GPU-1": 10 * GIB}


def test_who_may_not_wait_at_all_does_not_even_wait_for_its_own_process(machine: Machine) -> None:
    machine.gpus = (gpu(0),)
    with (
        reserving(machine, gib(20)),
        pytest.raises(GpuUnavailableError),
        reserving(machine, gib(10), wait=None),
    ):
        pytest.fail("it was granted")


def test_gpus_that_do_not_answer_are_named_and_not_other_programs(machine: Machine) -> None:
    machine.gpus, machine.faults = (gpu(0),), (GpuFault(1, "GPU is lost", GPU_IS_LOST),)
    told: list[str] = []
    with pytest.raises(GpuUnavailableError) as refused, reserving(machine, gib(40)):
        pytest.fail("it was granted")
    assert "No other GPU here is as large as 40 GiB" in str(refused.value)
    assert "GPU 1 does not answer: GPU is lost" in str(refused.value)
    assert "Wait until it answers again" in str(refused.value)
    with (
        pytest.raises(GpuUnavailableError),
        reserving(machine, gib(40), wait=0.3, told=told),
    ):
        pytest.fail("it was granted")
    assert told == ["waiting for 40 GiB of GPU memory, of which GPU 1 does not answer: GPU is lost"]


def test_a_claim_leaves_a_gpu_that_a_stranger_fills_meanwhile(machine: Machine) -> None:
    claims: list[dict[str, int]] = []

    def watch(_: str) -> None:
        machine.gpus = (gpu(0, used=20, processes=((900, 20),)), gpu(1))
        claims.extend(
            dict(it.shares) for it in machine.box().look().entries if it.state is State.WAITING
        )

    with machine.ledger(OTHER).turn():
        machine.ledger(OTHER).write(entry("other", {0: 20, 1: 21}, ticket=1))
    wait_in_vain(
        machine,
        gib(10),
        0.6,
        looking=lambda: claims.extend(
            dict(it.shares) for it in machine.box().look().entries if it.id != "other"
        ),
        waiting=watch,
    )
    assert claims[0] == {"GPU-0": 10 * GIB}
    assert claims[-1] == {"GPU-1": 10 * GIB}


def test_only_the_gpus_that_the_site_names_are_used(machine: Machine) -> None:
    assert set(machine.box(only=("GPU-1",)).look().accounts) == {"GPU-1"}
    with pytest.raises(SettingsError, match=r"GPU-7.*this machine has GPU-0, GPU-1"):
        machine.box(only=("GPU-7",)).look()
    machine.inventory = lambda: Inventory(
        gpus=(gpu(0),), faults=(GpuFault(1, "GPU is lost", GPU_IS_LOST),)
    )
    assert machine.box(only=("GPU-1",)).look().accounts == {}


def test_a_claim_moves_on_when_its_gpu_is_gone(machine: Machine) -> None:
    seen: list[dict[str, int]] = []

    def watch(_: str) -> None:
        seen.extend(
            dict(it.shares) for it in machine.box().look().entries if it.state is State.WAITING
        )
        if len(seen) == 1:
            machine.gpus = (gpu(1),)

    with machine.ledger(OTHER).turn():
        machine.ledger(OTHER).write(entry("other", {0: 20, 1: 21}, ticket=1))
    wait_in_vain(machine, gib(10), 0.6, waiting=watch)
    assert seen[0] == {"GPU-0": 10 * GIB}


def test_a_machine_without_gpus_says_why(machine: Machine) -> None:
    machine.inventory = lambda: Inventory(absence=Absence.NO_DEVICE, detail="there is none")
    with (
        pytest.raises(GpuUnavailableError, match=r"There is none\. Install"),
        reserving(machine, gib(1)),
    ):
        pytest.fail("it was granted")


def test_the_identity_of_an_owner_is_kept_whole(machine: Machine) -> None:
    with reserving(machine, gib(1)):
        (found,) = machine.box().look().entries
    assert found.owner == ME
    assert replace(found.owner, pid=1) != ME


def test_a_gpu_without_a_device_node_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    there = replace(gpu(0), minor=3)
    assert no_node(there, tmp_path) is None
    (tmp_path / "dev/nvidiactl").touch()
    assert no_node(there, tmp_path) == f"its device node {tmp_path}/dev/nvidia3 is gone"
    assert no_node(gpu(0), tmp_path) is None
    (tmp_path / "dev/nvidia3").touch()
    assert no_node(there, tmp_path) is None


def test_what_was_left_on_a_gpu_stays_on_the_ledger_while_the_driver_is_silent(
    machine: Machine,
) -> None:
    with reserving(machine, gib(20)) as held:
        held.keep({"GPU-0": 3 * GIB}, (100,))
    machine.inventory = lambda: Inventory(absence=Absence.NOT_ANSWERING, detail="it hangs")
    machine.box().look()
    assert len(machine.files()) == 1


def test_what_was_left_on_a_gpu_that_answers_is_released_while_another_one_does_not(
    machine: Machine,
) -> None:
    with reserving(machine, gib(20)) as here, reserving(machine, gib(20)) as there:
        here.keep({"GPU-0": 3 * GIB}, (100,))
        there.keep({"GPU-1": 3 * GIB}, (101,))
    machine.inventory = lambda: Inventory(
        gpus=(gpu(0),), faults=(GpuFault(1, "GPU is lost", GPU_IS_LOST),)
    )
    assert [it.id for it in machine.box().look().entries] == [there.entry.id]


def test_one_of_the_named_gpus_that_is_gone_leaves_the_others(machine: Machine) -> None:
    assert set(machine.box(only=("GPU-1", "GPU-7")).look().accounts) == {"GPU-1"}
