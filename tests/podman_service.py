"""Starts Podman's service for the tests, with storage, settings and a socket of its own.

The tests then run on it as they do on Docker, which is what ``DOCKER_HOST`` is for. Nothing of the
machine's own Podman is used or changed. It needs root: a rootless engine has other limits.
"""

import fcntl
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import docker
from docker.errors import DockerException

from runner.host.engine_request import identify
from tests.faults.small_disk import small_disk
from tests.second_engine import clean_up, unmount_below

PREFIX: Final = "second-engine-podman-"
SOCKET: Final = "podman.sock"
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
BASES: Final = ("stagerun/bootstrap:bookworm", "stagerun/parent-base:current")
"""What the small project's images stand on."""


def why_no_podman() -> str | None:
    """Why the tests cannot be run on Podman here; None when they can."""
    if os.geteuid() != 0:
        return "the tests on Podman need root"
    missing = [name for name in ("podman", "catatonit", "setpriv") if shutil.which(name) is None]
    if missing:
        return (
            f"the tests on Podman need {' and '.join(missing)}: "
            "sudo apt-get install podman catatonit"
        )
    return None


@contextmanager
def podman_service(*, store_bytes: int | None = None) -> Iterator["PodmanService"]:
    """A running service, for the time of the block.

    With ``store_bytes`` its images and containers have no more room than that.
    """
    with ExitStack() as stack:
        # The path of a socket may have 108 characters at most. Every user may reach it.
        folder = Path(tempfile.gettempdir(), f"{PREFIX}{secrets.token_hex(4)}")
        folder.mkdir(mode=0o711)
        stack.callback(clean_up, folder)
        (folder / "containers.conf").write_text(_settings(), encoding="utf-8")
        service = PodmanService(folder)
        if store_bytes is not None:
            service.store.mkdir()
            stack.enter_context(small_disk(service.store, str(store_bytes)))
            stack.callback(unmount_below, service.store)
        service.start()
        stack.callback(service.stop)
        stack.callback(service.remove_containers)
        yield service


def _settings() -> str:
    # runc: crun refuses a machine with both versions of control groups. Limits: without a
    # privilege that containers of tests do not have, no process can raise them to the default.
    runtime = 'runtime = "runc"' if shutil.which("runc") else ""
    # The one in which containers of a network find each other by name.
    backend = "netavark" if Path("/usr/lib/podman/netavark").exists() else ""
    return f"""\
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=8192:8192"]
[network]
network_backend = "{backend}"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
{runtime}
"""


class PodmanService:
    """A service in a folder; it may be stopped and started again, its containers run on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.store = folder / "root"
        self.address = f"unix://{folder / SOCKET}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                # Should the tests be killed, the service is told to end too.
                ["setpriv", "--pdeathsig", "TERM", *self._podman("system", "service")],
                env=self._environment(),
                # A container that was out of memory leaves a file `oom` there.
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError):
                identify(self.address)
                (self._folder / SOCKET).chmod(0o660)
                return
            time.sleep(0.02)
        text = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
        message = f"Podman's service did not start; the end of its log:\n{text[-2000:]}"
        raise RuntimeError(message)

    def stop(self) -> None:
        """End the service; no container is its child."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def remove_containers(self) -> None:
        """Remove whatever tests have left, without the service."""
        subprocess.run(
            self._podman("rm", "--all", "--force"),
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            check=False,
        )

    def _podman(self, *words: str) -> list[str]:
        own = ["--root", str(self.store), "--runroot", str(self._folder / "run")]
        more = ["--time", "0", self.address] if words == ("system", "service") else []
        return ["podman", *own, *words, *more]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
        return {**kept, "CONTAINERS_CONF": str(self._folder / "containers.conf")}


def bring_images(address: str, *names: str) -> None:
    """Copy images of the machine's Docker that this engine lacks; none named: all of stagerun's.

    Where there is no Docker nothing is copied: tests build their images here then. Several callers
    take turns.
    """
    place = Path(address.removeprefix("unix://")).with_name("lock")
    with ExitStack() as stack:
        fcntl.flock(stack.enter_context(place.open("w")), fcntl.LOCK_EX)
        origin = _client(stack, None)
        here = _client(stack, address)
        if origin is None or here is None or shutil.which("docker") is None:
            return
        known = origin.images.list("stagerun/*")
        ids = {tag: image.id for image in known for tag in image.tags}
        there = {image.id for image in here.images.list()}
        lacking = [name for name in names or ids if name in ids and ids[name] not in there]
        if lacking:
            # One archive, which has the layers that images share once only.
            save = ["docker", "--host", "unix:///var/run/docker.sock", "save", *lacking]
            sender = stack.enter_context(subprocess.Popen(save, stdout=subprocess.PIPE))
            answers = list(here.api.load_image(sender.stdout))  # type: ignore[no-untyped-call]  # the stubs leave it so
            assert not any("error" in answer for answer in answers), answers


def _client(stack: ExitStack, address: str | None) -> docker.DockerClient | None:
    with suppress(DockerException):
        client = docker.DockerClient(base_url=address, timeout=600)
        stack.callback(client.close)
        return client
    return None
