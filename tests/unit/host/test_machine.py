"""Who is alive on which machine, and what the machine has."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from runner.host.machine import (
    MachineFacts,
    ProcessIdentity,
    boot_id,
    cpu_count,
    free_bytes,
    machine_id,
    memory_available_bytes,
    memory_total_bytes,
    process_exists,
)

STAT = (
    "8465 (a (strange) name) {state} 1 8465 8465 0 -1 4194560 11588 0 12 0 18 3 0 0 20 0 1 0"
    " {started} 44027904 10637\n"
)


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    write(tmp_path, "proc/sys/kernel/random/boot_id", "c0ffee00-0000-4000-8000-000000000001\n")
    write(tmp_path, "proc/sys/kernel/hostname", "box\n")
    write(tmp_path, "proc/8465/stat", STAT.format(state="S", started=84032))
    write(tmp_path, "proc/meminfo", "MemTotal: 2048 kB\nMemFree: 1 kB\nMemAvailable: 1024 kB\n")
    return tmp_path


@pytest.fixture
def recorded(root: Path) -> ProcessIdentity:
    return ProcessIdentity(8465, 84032, boot_id(root), machine_id(root))


def gone(_: int) -> bool:
    return False


def test_the_calling_process_is_alive() -> None:
    identity = ProcessIdentity.current()

    assert identity.pid == os.getpid()
    assert identity.started > 0
    assert identity.is_alive() is True


def test_a_process_with_a_strange_name_is_alive(root: Path, recorded: ProcessIdentity) -> None:
    assert recorded.is_alive(root) is True


def test_a_process_that_is_gone_is_dead(root: Path, recorded: ProcessIdentity) -> None:
    (root / "proc/8465/stat").unlink()

    assert recorded.is_alive(root, gone) is False


def test_a_process_that_the_machine_hides_is_not_declared_dead(
    root: Path, recorded: ProcessIdentity
) -> None:
    (root / "proc/8465/stat").unlink()

    assert recorded.is_alive(root, lambda _: True) is None


def test_another_process_with_the_same_number_is_not_mistaken(
    root: Path, recorded: ProcessIdentity
) -> None:
    assert replace(recorded, started=84031).is_alive(root) is False


def test_a_zombie_runs_nothing_any_more(root: Path, recorded: ProcessIdentity) -> None:
    write(root, "proc/8465/stat", STAT.format(state="Z", started=84032))

    assert recorded.is_alive(root) is False


def test_a_process_from_before_the_boot_is_dead(root: Path, recorded: ProcessIdentity) -> None:
    assert replace(recorded, boot_id="another boot").is_alive(root) is False


def test_a_process_of_another_machine_is_never_judged(
    root: Path, recorded: ProcessIdentity
) -> None:
    assert replace(recorded, machine_id="another", boot_id="another").is_alive(root) is None


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
    assert memory_available_bytes(root) == 1024 * 1024


def test_a_machine_that_does_not_tell_its_memory_is_no_error(tmp_path: Path) -> None:
    assert memory_total_bytes(tmp_path) is None


def test_the_facts_are_those_of_the_root(root: Path) -> None:
    assert MachineFacts.read(root) == MachineFacts(
        machine_id=machine_id(root),
        boot_id="c0ffee00-0000-4000-8000-000000000001",
        cpus=cpu_count(),
        memory_total_bytes=2048 * 1024,
        memory_available_bytes=1024 * 1024,
    )


def test_free_space_is_told_for_a_folder_that_is_still_to_be_made(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not/yet") > 0


def test_the_number_of_no_process_is_known_as_such() -> None:
    assert process_exists(os.getpid())
    assert not process_exists(2**22 + 1)
