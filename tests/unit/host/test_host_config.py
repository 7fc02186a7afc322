"""What each engine is asked for: Podman takes the same request, but not every word of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient

from runner.errors import EngineError, GpuUnavailableError
from runner.host.container import ContainerSpec, Mount
from runner.host.host_config import check_limits, host_config, why_no_gpus, why_no_limits
from tests.small_container import SMALL

DOCKER, OLD, NEW = None, (4, 3, 1), (5, 4, 2)


def asked(spec: ContainerSpec, podman: tuple[int, ...] | None) -> dict[str, Any]:
    client = APIClient(base_url="unix:///nowhere.sock", version="1.41")
    try:
        config: dict[str, Any] = host_config(client, spec, podman)
        return config
    finally:
        client.close()


@pytest.mark.parametrize("podman", [DOCKER, OLD, NEW])
def test_the_sandbox_and_the_limits_are_the_same_on_both(podman: tuple[int, ...] | None) -> None:
    config = asked(SMALL, podman)
    assert config["ReadonlyRootfs"] is True
    assert config["CapDrop"] == ["ALL"]
    assert config["SecurityOpt"] == ["no-new-privileges"]
    assert config["NetworkMode"] == "none"
    assert config["Memory"] == config["MemorySwap"] == 1 << 20
    assert config["NanoCpus"] == 1_500_000_000
    assert config["PidsLimit"] == 8
    assert "size=4096" in config["Tmpfs"]["/tmp"]


def test_docker_keeps_the_second_copy_of_the_output_by_its_own_driver() -> None:
    assert asked(SMALL, DOCKER)["LogConfig"]["Type"] == "local"
    kept = asked(SMALL, OLD)["LogConfig"]
    assert (kept["Type"], kept["Config"]) == ("k8s-file", {"max-size": "100m"})


def test_podman_is_kept_from_laying_writable_folders_over_the_read_only_root() -> None:
    assert set(asked(SMALL, DOCKER)["Tmpfs"]) == {"/tmp"}
    folders = asked(SMALL, OLD)["Tmpfs"]
    assert set(folders) == {"/tmp", "/run", "/var/tmp"}
    assert folders["/run"].startswith("ro,")


@pytest.mark.parametrize("odd", ["a,b", 'a"b', "a\nb"])
def test_a_name_that_podman_takes_apart_is_mounted_the_older_way(tmp_path: Path, odd: str) -> None:
    (tmp_path / odd).mkdir()
    plain, strange = str(tmp_path), str(tmp_path / odd)
    spec = replace(
        SMALL,
        mounts=(
            Mount(source=plain, target="/a"),
            Mount(source=strange, target="/b", read_only=False),
        ),
    )

    config = asked(spec, OLD)

    assert [mount["Source"] for mount in config["Mounts"]] == [plain]
    assert config["Binds"] == [f"{strange}:/b:rw"]
    assert [mount["Source"] for mount in asked(spec, DOCKER)["Mounts"]] == [plain, strange]


def test_the_older_way_never_makes_a_folder_that_is_not_there(tmp_path: Path) -> None:
    spec = replace(SMALL, mounts=(Mount(source=str(tmp_path / "a,b"), target="/a"),))
    with pytest.raises(EngineError, match="there is no"):
        asked(spec, OLD)


def test_a_name_that_podman_cannot_mount_in_any_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a,b:c").mkdir()
    spec = replace(SMALL, mounts=(Mount(source=str(tmp_path / "a,b:c"), target="/a"),))
    with pytest.raises(EngineError, match=r"Podman cannot mount .*a,b:c.*Rename it"):
        asked(spec, OLD)
    assert asked(spec, DOCKER)["Mounts"]


def test_a_gpu_is_asked_for_by_uuid_in_the_words_of_the_engine() -> None:
    spec = replace(SMALL, gpus=("GPU-1", "GPU-2"))
    (docker,) = asked(spec, DOCKER)["DeviceRequests"]
    (podman,) = asked(spec, NEW)["DeviceRequests"]
    assert (docker["DeviceIDs"], docker["Capabilities"]) == (["GPU-1", "GPU-2"], [["gpu"]])
    assert podman["Driver"] == "cdi"
    assert podman["DeviceIDs"] == ["nvidia.com/gpu=GPU-1", "nvidia.com/gpu=GPU-2"]


def test_a_podman_that_would_ignore_the_gpu_is_never_asked() -> None:
    assert asked(SMALL, OLD).get("DeviceRequests") is None
    with pytest.raises(GpuUnavailableError, match=r"Podman 4\.3\.1 ignores requests for GPUs"):
        asked(replace(SMALL, gpus=("GPU-1",)), OLD)


def test_gpus_are_withheld_by_old_ones_of_podman_alone() -> None:
    assert why_no_gpus(DOCKER) is None
    assert why_no_gpus((5, 4)) is None
    assert why_no_gpus((5, 3, 9)) is not None


def test_limits_are_kept_by_root_and_by_users_on_cgroup_v2_alone() -> None:
    assert why_no_limits(0, unified=False) is None
    assert why_no_limits(1000, unified=True) is None
    check_limits(0, unified=False)
    with pytest.raises(EngineError, match=r"keeps limits on cgroup v2 alone.* use root's engine"):
        check_limits(1000, unified=False)
