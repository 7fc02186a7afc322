"""What a container is created with where the engine confines by SELinux, and where it does not."""

from pathlib import Path
from typing import Any

import docker
import pytest

from runner.host.engine import DockerEngine
from runner.host.engine_request import Identity
from runner.host.selinux import uses_selinux
from tests.small_container import SMALL


class CreatedError(Exception):
    """Ends a creation before anything is sent; holds what would have been."""


class Client(docker.APIClient):
    """The SDK's client, cut off from any engine."""

    reported: tuple[str, ...] = ()

    def info(self) -> dict[str, Any]:
        return {"SecurityOptions": list(self.reported)}

    def create_container(self, *_: object, **parts: Any) -> Any:
        raise CreatedError(parts["host_config"])


def security_of(kernel: Path, *options: str) -> list[str]:
    engine = DockerEngine("unix:///nowhere.sock", selinux=kernel)
    client = Client(base_url="unix:///nowhere.sock", version="1.41")
    client.reported = options
    engine._client = client
    engine.identity = Identity("1.41", None, 0)
    with pytest.raises(CreatedError) as made, engine.container(SMALL):
        pass
    client.close()
    found: list[str] = made.value.args[0]["SecurityOpt"]
    return found


def test_where_selinux_confines_containers_mounts_are_made_reachable(tmp_path: Path) -> None:
    assert security_of(tmp_path, "name=seccomp,profile=default", "name=selinux") == [
        "no-new-privileges",
        "label=disable",
    ]


def test_an_engine_that_does_not_use_it_gets_no_option(tmp_path: Path) -> None:
    assert security_of(tmp_path, "name=seccomp,profile=default") == ["no-new-privileges"]


def test_without_selinux_in_the_kernel_the_engine_is_not_asked(tmp_path: Path) -> None:
    assert security_of(tmp_path / "absent", "name=selinux") == ["no-new-privileges"]


def test_the_option_is_found_among_others() -> None:
    assert uses_selinux(["name=apparmor", "name=selinux,x=y"])
    assert not uses_selinux(["name=apparmor", "name=selinux-like"])
