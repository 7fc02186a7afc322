"""Figures and process ids of a container from recorded control groups: v1, hybrid and v2."""

import shutil
from pathlib import Path

import pytest

from runner.host.cgroup import Cgroup, CgroupReading, find_cgroup, is_container_alive
from tests.unit.host.recorded import FIRST, HYBRID, SECOND, V1, V2, find, unpack


def cgroup(recording: str, root: Path) -> Cgroup:
    found = find_cgroup(FIRST, unpack(recording, root))
    assert found is not None
    return found


@pytest.mark.parametrize("recording", [V1, HYBRID])
def test_v1_and_hybrid_figures_come_out_in_bytes_and_seconds(
    recording: str, tmp_path: Path
) -> None:
    assert cgroup(recording, tmp_path).read() == CgroupReading(
        memory_bytes=52912128 - 9125888,
        memory_peak_bytes=52912128,
        cpu_seconds=0.216244978,
        read_bytes=4194304,
        write_bytes=8388608,
    )


def test_v2_figures_come_out_in_bytes_and_seconds(tmp_path: Path) -> None:
    assert cgroup(V2, tmp_path).read() == CgroupReading(
        memory_bytes=52912128 - 9125888,
        memory_peak_bytes=61865984,
        cpu_seconds=0.216244,
        read_bytes=4194304 + 4096,
        write_bytes=8388608,
    )


@pytest.mark.parametrize("recording", [V1, HYBRID, V2])
def test_processes_of_nested_groups_belong_to_the_container(recording: str, tmp_path: Path) -> None:
    assert cgroup(recording, tmp_path).pids() == {FIRST, SECOND}


@pytest.mark.parametrize("recording", [V1, HYBRID, V2])
def test_a_group_that_vanished_gives_no_figures_and_no_error(
    recording: str, tmp_path: Path
) -> None:
    found = cgroup(recording, tmp_path)
    shutil.rmtree(tmp_path / "sys")

    assert found.read() == CgroupReading()
    assert found.pids() == frozenset()


def test_a_kernel_that_keeps_no_peak_gives_the_other_figures(tmp_path: Path) -> None:
    found = cgroup(V2, tmp_path)
    find(tmp_path, "memory.peak").unlink()

    reading = found.read()

    assert reading.memory_peak_bytes is None
    assert reading.memory_bytes == 52912128 - 9125888


def test_a_file_that_says_something_else_is_not_a_figure(tmp_path: Path) -> None:
    found = cgroup(V2, tmp_path)
    find(tmp_path, "cpu.stat").write_text("nonsense\n")
    find(tmp_path, "memory.current").write_text("max\n")

    assert found.read().cpu_seconds is None
    assert found.read().memory_bytes is None


def test_only_v2_counts_all_the_io_of_a_container(tmp_path: Path) -> None:
    assert cgroup(V2, tmp_path / "two").counts_all_io
    assert not cgroup(HYBRID, tmp_path / "hybrid").counts_all_io


def test_v2_without_the_io_controller_does_not_pretend_to_count(tmp_path: Path) -> None:
    found = cgroup(V2, tmp_path)
    find(tmp_path, "io.stat").unlink()

    assert not found.counts_all_io
    assert found.read().read_bytes is None


def test_a_container_whose_processes_are_hidden_from_this_user_is_not_taken_for_dead(
    tmp_path: Path,
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/system.slice/docker-abc123.scope").mkdir(parents=True)

    assert is_container_alive("abc123", tmp_path)
    assert not is_container_alive("def456", tmp_path)


def test_a_group_without_processes_is_no_living_container(tmp_path: Path) -> None:
    (tmp_path / "proc/1").mkdir(parents=True)
    (tmp_path / "proc/1/cgroup").write_text("0::/init.scope\n")
    (tmp_path / "sys/fs/cgroup/system.slice/docker-abc123.scope").mkdir(parents=True)

    assert not is_container_alive("abc123", tmp_path)


def test_a_process_that_is_gone_has_no_group(tmp_path: Path) -> None:
    assert find_cgroup(999999, unpack(V2, tmp_path)) is None


def test_the_group_of_the_whole_machine_is_never_taken_for_a_container(tmp_path: Path) -> None:
    root = unpack(V1, tmp_path)
    lines = [f"{number}:{name}:/" for number, name in enumerate(["memory", "cpu,cpuacct"], 1)]
    (root / f"proc/{FIRST}/cgroup").write_text("\n".join(lines) + "\n")

    assert find_cgroup(FIRST, root) is None


def test_the_callers_own_group_is_never_taken_for_a_container(tmp_path: Path) -> None:
    root = unpack(V2, tmp_path)
    shutil.copy(root / f"proc/{FIRST}/cgroup", root / "proc/self/cgroup")

    assert find_cgroup(FIRST, root) is None


def test_a_group_outside_of_the_callers_namespace_is_not_guessed(tmp_path: Path) -> None:
    root = unpack(V2, tmp_path)
    (root / f"proc/{FIRST}/cgroup").write_text("0::/../../elsewhere\n")

    assert find_cgroup(FIRST, root) is None


def test_a_mount_that_shows_only_a_part_of_the_hierarchy_is_followed(tmp_path: Path) -> None:
    root = unpack(V2, tmp_path)
    mountinfo = root / "proc/self/mountinfo"
    part = mountinfo.read_text().replace(
        "0:26 / /sys/fs/cgroup ", "0:26 /system.slice /mnt/a\\040part "
    )
    mountinfo.write_text(part)
    (root / "mnt").mkdir()
    (root / "sys/fs/cgroup/system.slice").rename(root / "mnt/a part")

    found = find_cgroup(FIRST, root)

    assert found is not None
    assert found.read().memory_peak_bytes == 61865984
