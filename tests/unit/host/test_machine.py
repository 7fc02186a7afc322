"""Who is who on which machine, and what the machine has."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from runner.host.machine import (
    ProcessIdentity,
    boot_id,
    free_bytes,
    is_alive,
    is_stopped,
    machine_id,
    memory_total_bytes,
    process_exists,
)

STAT = (
    "8465 (a (strange) name) S 1 8465 8465 0 -1 4194560 11588 0 12 0 18 3 0 0 20 0 1 0"
    " 84032 44027904 10637\n"
)


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    write(tmp_path, "proc/sys/kernel/random/boot_id", "c0ffee00-0000-4000-8000-000000000001\n")
    write(tmp_path, "proc/sys/kernel/hostname", "box\n")
    write(tmp_path, "proc/meminfo", "MemTotal: 2048 kB\nMemFree: 1 kB\nMemAvailable: 1024 kB\n")
    return tmp_path


def test_a_process_is_known_by_its_start_whatever_its_name_is(root: Path) -> None:
    write(root, f"proc/{os.getpid()}/stat", STAT)

    identity = ProcessIdentity.current(root)

    assert identity == ProcessIdentity(os.getpid(), 84032, boot_id(root), machine_id(root))
    assert ProcessIdentity.current().started > 0


def test_a_process_with_the_number_of_an_earlier_one_is_another(root: Path) -> None:
    write(root, f"proc/{os.getpid()}/stat", STAT)
    mine = ProcessIdentity.current(root)

    assert is_alive(mine, root)
    assert not is_alive(replace(mine, started=1), root)
    assert not is_alive(replace(mine, boot_id="earlier"), root)


def test_a_dead_process_whose_parent_never_asks_for_its_end_does_not_live(root: Path) -> None:
    write(root, f"proc/{os.getpid()}/stat", STAT)
    mine = ProcessIdentity.current(root)
    write(root, f"proc/{os.getpid()}/stat", STAT.replace(" S ", " Z "))

    assert not is_alive(mine, root)


def test_a_process_that_was_stopped_is_told_from_one_that_sleeps(root: Path) -> None:
    write(root, f"proc/{os.getpid()}/stat", STAT)
    mine = ProcessIdentity.current(root)
    assert not is_stopped(mine, root)
    write(root, f"proc/{os.getpid()}/stat", STAT.replace(" S ", " T "))
    assert is_stopped(mine, root)
    assert is_alive(mine, root)


def test_a_process_that_is_hidden_from_this_user_is_not_taken_for_dead(root: Path) -> None:
    """As /proc does when it is mounted with hidepid."""
    hidden = ProcessIdentity(os.getpid(), 84032, boot_id(root), machine_id(root))

    assert is_alive(hidden, root)


def test_the_machine_id_is_stable_and_does_not_disclose_the_real_one(root: Path) -> None:
    assert machine_id(root) == machine_id(root)
    assert "0123456789abcdef" not in machine_id(root)


@pytest.mark.parametrize("text", ["", "uninitialized\n"])
def test_a_machine_without_an_id_is_known_by_its_name(root: Path, text: str) -> None:
    with_id = machine_id(root)
    write(root, "etc/machine-id", text)
    box = machine_id(root)
    write(root, "proc/sys/kernel/hostname", "other box\n")

    assert len({with_id, box, machine_id(root)}) == 3


def test_memory_is_told_in_bytes(root: Path) -> None:
    assert memory_total_bytes(root) == 2048 * 1024


def test_a_machine_that_does_not_tell_its_memory_is_no_error(tmp_path: Path) -> None:
    assert memory_total_bytes(tmp_path) is None


def test_free_space_is_told_for_a_folder_that_is_still_to_be_made(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not/yet") > 0


def test_the_number_of_no_process_is_known_as_such() -> None:
    assert process_exists(os.getpid())
    assert not process_exists(2**22 + 1)
