"""The ledger: what counts, what is removed, and what is left alone."""

import contextlib
import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import GpuUnavailableError
from runner.gpu.ledger import START_SECONDS
from runner.gpu.ledger_folder import take_lock, usual_folder
from runner.gpu.reservation import State, reservation_from, text_of
from runner.host.machine import ProcessIdentity, lock_holder
from tests.unit.gpu.kit import DEAD, ME, OTHER, Machine, entry

YEAR = 365 * 24 * 3600


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "ledger")


def test_an_entry_comes_back_as_it_was_written() -> None:
    written = entry("a", {0: 3}, container="abc", holders=(4, 5))
    assert reservation_from(text_of(written)) == written


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", "{}", "[" * 100_000, '"x"', "NaN",
        text_of(entry("a", {0: 1})).replace('"schema_version": 1', '"schema_version": 2'),
        text_of(entry("a", {0: 1})).replace('"held"', '"mine"'),
        text_of(entry("a", {0: 1})).replace('"GPU-0": 1073741824', '"GPU-0": -1'),
        text_of(entry("a", {0: 1})).replace('"GPU-0": 1073741824', '"GPU-0": true'),
        text_of(entry("a", {0: 1})).replace('"GPU-0": 1073741824', f'"GPU-0": {10**400}'),
        text_of(entry("a", {0: 1})).replace('"anna"', r'"\u001b[31m"'),
        text_of(entry("a", {0: 1})).replace('"anna"', f'"{"a" * 999}"'),
        text_of(entry("a", {0: 1})).replace('"anna"', "7"),
        text_of(entry("a", {0: 1})).replace('"ticket": 1', '"ticket": 1, "more": 2'),
        text_of(entry("a", {0: 1})).replace('"whole": false', '"whole": "no"'),
        text_of(entry("a", {0: 1})).replace('"container_id": null', '"container_id": ""'),
        text_of(entry("a", {0: 1})).replace('"started": true', '"started": "yes"'),
        text_of(entry("a", {0: 1})).replace('"pid": 12', '"pid": 0'),
        text_of(entry("a", {0: 1})).replace('"pid": 12', '"pid": 2147483648'),
        text_of(entry("a", {0: 1})).replace('"ticket": 1', '"ticket": 1e999'),
        text_of(entry("a", {0: 1}, holders=(4,))).replace("[4]", "[2147483648]"),
        text_of(entry("a", {0: 1}, holders=(4,))).replace("[4]", "[0]"),
    ],
)  # fmt: skip
def test_anything_else_is_no_entry(text: str) -> None:
    with pytest.raises(ValueError, match="no entry"):
        reservation_from(text)


def test_an_entry_of_a_runner_that_knew_nothing_of_starts_is_read() -> None:
    text = text_of(entry("a", {0: 1}, started=False))
    assert reservation_from(text.replace('"started": false, ', "")).started is False


def test_entries_come_in_the_order_of_their_tickets(machine: Machine) -> None:
    ledger = machine.ledger()
    with ledger.turn():
        for name, ticket in (("late", 9), ("early", 2)):
            ledger.write(entry(name, {0: 1}, ticket=ticket))
        assert [item.id for item in ledger.entries()] == ["early", "late"]


def test_what_a_dead_process_reserved_counts_no_more(machine: Machine) -> None:
    ledger = machine.ledger()
    with ledger.turn():
        for name, owner in (("dead", DEAD), ("alive", OTHER), ("mine", ME)):
            ledger.write(entry(name, {0: 1}, owner=owner))
        assert {item.id for item in ledger.entries()} == {"alive", "mine"}
    assert machine.files() == {"alive.json", "mine.json"}


def test_a_container_keeps_its_memory_when_its_runner_was_killed(machine: Machine) -> None:
    ledger = machine.ledger()
    machine.containers = {"box": {100}}
    with ledger.turn():
        ledger.write(entry("a", {0: 1}, owner=DEAD, container="box"))
        assert [item.id for item in ledger.entries()] == ["a"]
        machine.containers = {}
        assert ledger.entries() == []


def test_a_container_that_an_engine_has_yet_to_start_keeps_its_memory_for_a_while(
    machine: Machine,
) -> None:
    ledger = machine.ledger()
    with ledger.turn():
        ledger.write(entry("asked", {0: 1}, owner=DEAD, container="box", started=False))
        ledger.write(entry("none", {0: 1}, owner=DEAD))
        assert [item.id for item in ledger.entries()] == ["asked"]
        later = replace(ledger, clock=lambda: time.time() + START_SECONDS)
        machine.containers = {"box": {100}}
        assert [item.id for item in later.entries()] == ["asked"]
        machine.containers = {}
        assert later.entries() == []


def test_what_this_process_has_counts_until_it_gives_it_back(machine: Machine) -> None:
    """Its own containers are not looked for at every look: it knows of their end by itself."""
    ledger = machine.ledger()
    with ledger.turn():
        ledger.write(entry("early", {0: 1}, owner=ME, container="box", started=False))
        ledger.write(entry("runs", {0: 1}, owner=ME, container="box"))
        ledger.write(entry("waits", {0: 1}, owner=ME, state=State.WAITING))
        later = replace(ledger, clock=lambda: time.time() + START_SECONDS)
        assert {item.id for item in later.entries()} == {"early", "runs", "waits"}


@pytest.mark.parametrize("owner", [ME, OTHER, DEAD])
def test_what_a_container_has_that_outlived_its_run_counts_until_it_has_ended(
    machine: Machine, owner: ProcessIdentity
) -> None:
    ledger = machine.ledger()
    machine.containers = {"box": {100}}
    with ledger.turn():
        ledger.write(entry("a", {0: 1}, owner=owner, container="box", state=State.OUTLIVED))
        assert [item.id for item in ledger.entries()] == ["a"]
        machine.containers = {}
        assert ledger.entries() == []


def test_nothing_of_an_earlier_boot_counts(machine: Machine) -> None:
    ledger = replace(machine.ledger(), clock=lambda: time.time() + YEAR)
    earlier = replace(OTHER, boot_id="earlier")
    machine.alive.add(earlier)
    machine.containers = {"box": {100}}
    with ledger.turn():
        ledger.write(entry("a", {0: 1}, owner=earlier, container="box"))
        ledger.write(entry("b", {0: 1}, owner=earlier, state=State.KEPT))
        assert ledger.entries() == []
    assert machine.files() == set()


def test_a_clock_that_was_set_back_changes_nothing_for_the_runs_of_this_boot(
    machine: Machine,
) -> None:
    ledger = replace(machine.ledger(), clock=lambda: time.time() - YEAR)
    machine.containers = {"box": {100}}
    with ledger.turn():
        ledger.write(entry("late", {0: 1}, ticket=2))
        ledger.write(entry("early", {0: 1}, ticket=1))
        ledger.write(entry("outlives", {0: 1}, ticket=3, owner=DEAD, container="box"))
        ledger.write(entry("dead", {0: 1}, owner=DEAD, container="gone"))
        assert [item.id for item in ledger.entries()] == ["early", "late", "outlives"]
        assert ledger.strange() == []


def test_a_machine_that_shares_the_folder_by_mistake_loses_nothing_and_takes_nothing(
    machine: Machine,
) -> None:
    ledger = machine.ledger()
    with ledger.turn():
        far = replace(DEAD, machine_id="other", boot_id="other")
        ledger.write(entry("far", {0: 1}, owner=far))
        assert ledger.entries() == []
        assert [path.name for path in ledger.strange()] == ["far.json"]


def test_a_machine_that_was_made_with_the_id_of_this_one_loses_nothing_and_takes_nothing(
    machine: Machine,
) -> None:
    """What was written since this machine has booted is not of its last boot."""
    ledger = machine.ledger()
    clone = replace(OTHER, boot_id="clone")
    with ledger.turn():
        ledger.write(entry("far", {0: 1}, owner=clone))
        assert ledger.entries() == []
        assert [path.name for path in ledger.strange()] == ["far.json"]


def test_a_process_of_this_boot_is_of_this_machine_whatever_the_id_of_the_machine_is(
    machine: Machine,
) -> None:
    """The id may be set while a machine runs, and a container may show one of its own."""
    renamed = replace(OTHER, machine_id="new")
    machine.alive.add(renamed)
    ledger = machine.ledger()
    with ledger.turn():
        ledger.write(entry("near", {0: 1}, owner=renamed))
        assert [item.id for item in ledger.entries()] == ["near"]
        assert ledger.strange() == []


def test_garbage_neither_counts_nor_goes_away_and_can_be_found(machine: Machine) -> None:
    ledger = machine.ledger()
    with ledger.turn():
        (machine.folder / "notes.txt").write_text("hello")
        (machine.folder / "torn.json").write_text('{"schema_version": 1, "id": "to')
        (machine.folder / "folder.json").mkdir()
        (machine.folder / "link.json").symlink_to("/dev/zero")
        os.mkfifo(machine.folder / "pipe.json")
        assert ledger.entries() == []
        assert len(ledger.strange()) == 5
    assert len(machine.files()) == 5


def test_marks_of_sick_gpus_are_not_strange(machine: Machine) -> None:
    machine.box().mark_sick("GPU-0", "Xid 79")
    assert machine.ledger().strange() == []


def test_a_child_that_was_forked_within_a_turn_does_not_keep_the_lock(machine: Machine) -> None:
    ledger = machine.ledger()
    copies = []
    with ledger.turn():
        # What a fork does with all that is open.
        for name in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                if name.samefile(machine.folder):
                    copies.append(os.dup(int(name.name)))
    assert copies
    with ledger.turn():
        pass
    for copy in copies:
        os.close(copy)


def test_who_waits_for_a_folder_that_is_made_anew_does_not_go_beside_its_new_holder(
    machine: Machine,
) -> None:
    ledger, inside, order = machine.ledger(), threading.Event(), []

    def second() -> None:
        inside.set()
        with ledger.turn():
            order.append("second")

    thread = threading.Thread(target=second)
    with ledger.turn():
        thread.start()
        inside.wait(5)
        time.sleep(0.05)
        machine.folder.rmdir()
        third = ledger.turn()
        third.__enter__()
    time.sleep(0.1)
    order.append("third")
    third.__exit__(None, None, None)
    thread.join()
    assert order == ["third", "second"]


def test_who_stands_still_with_the_lock_is_named(machine: Machine) -> None:
    ledger = replace(machine.ledger(), patience_seconds=0.05)
    with ledger.turn():
        with (
            pytest.raises(GpuUnavailableError, match=f"locked by process {os.getpid()}, which"),
            ledger.turn(),
        ):
            pytest.fail("two had the turn")
        descriptor = os.open(machine.folder, os.O_RDONLY)
    assert lock_holder(descriptor) == "a process that the kernel does not tell"
    os.close(descriptor)


def test_a_lock_that_many_take_in_turns_is_waited_for(machine: Machine) -> None:
    ledger = replace(machine.ledger(), patience_seconds=1.0)
    got = threading.Event()

    def wait() -> None:
        with ledger.turn():
            got.set()

    thread = threading.Thread(target=wait)
    with ledger.turn():
        thread.start()
        for number in range(130):
            ledger.write(entry("a", {0: number}))
            time.sleep(0.01)
        assert not got.is_set()
    assert got.wait(20)
    thread.join()


def test_a_folder_whose_maker_was_killed_halfway_becomes_one_for_all_users(
    machine: Machine,
) -> None:
    machine.folder.mkdir()
    machine.folder.chmod(0o1700)
    with machine.ledger().turn():
        assert machine.folder.stat().st_mode & 0o7777 == 0o1777


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o770, 0o1770, 0o2775])
def test_the_rights_that_a_site_gave_to_its_folder_stay(machine: Machine, mode: int) -> None:
    machine.folder.mkdir()
    machine.folder.chmod(mode)
    with machine.ledger().turn():
        assert machine.folder.stat().st_mode & 0o7777 == mode


def test_an_entry_under_another_name_does_not_count(machine: Machine) -> None:
    ledger = machine.ledger()
    with ledger.turn():
        (machine.folder / "b.json").write_text(text_of(entry("a", {0: 1})))
        assert ledger.entries() == []


def test_what_a_runner_was_writing_when_it_was_killed_is_removed(machine: Machine) -> None:
    ledger = machine.ledger()
    with ledger.turn():
        (machine.folder / ".half").write_text("{")
        assert ledger.entries() == []
    assert machine.files() == set()


def test_every_user_may_use_the_folder_and_none_may_remove_what_is_anothers(
    machine: Machine,
) -> None:
    with machine.ledger().turn():
        machine.ledger().write(entry("a", {0: 1}))
    assert machine.folder.stat().st_mode & 0o7777 == 0o1777
    assert (machine.folder / "a.json").stat().st_mode & 0o777 == 0o644
    assert json.loads((machine.folder / "a.json").read_text())["user"] == "anna"


def test_a_folder_that_cannot_be_one_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link", "file/below"):
        with pytest.raises(GpuUnavailableError, match=r"gpu: \{ledger: FOLDER\}"):  # noqa: SIM117
            with Machine(tmp_path / name).ledger().turn():
                pytest.fail("the turn was taken")


def test_a_folder_that_cannot_be_locked_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """As on some file systems of networks; the kernel says the same of such a descriptor."""
    descriptor = os.open(tmp_path, os.O_PATH)
    with pytest.raises(GpuUnavailableError, match=r"cannot be locked.*gpu: \{ledger: FOLDER\}"):
        take_lock(tmp_path, descriptor)
    os.close(descriptor)


def test_an_entry_that_cannot_be_written_leaves_nothing_behind(machine: Machine) -> None:
    ledger = machine.ledger()
    with ledger.turn():
        (machine.folder / "a.json").mkdir()
        with pytest.raises(GpuUnavailableError, match="reserve GPU memory"):
            ledger.write(entry("a", {0: 1}))
    assert machine.files() == {"a.json"}


def test_a_machine_without_run_lock_has_a_folder_that_all_users_find(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    assert usual_folder(tmp_path) == tmp_path / "stagerun"
    assert usual_folder(tmp_path / "none") == Path("/tmp/stagerun-gpus")


def test_a_folder_for_locks_that_is_roots_alone_is_used_where_root_made_ours(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    assert usual_folder(tmp_path) == Path("/tmp/stagerun-gpus")
    (tmp_path / "stagerun").mkdir()
    assert usual_folder(tmp_path) == tmp_path / "stagerun"
