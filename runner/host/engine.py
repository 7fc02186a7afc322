"""The container engine on this host: Docker, or Podman through its Docker-compatible socket.

The engine is reached through the docker SDK, which is imported when the first call is made. What
an engine promises is numbered in ``Engine``; ``engine_fake`` keeps the same promises in memory.
"""

import contextlib
import functools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from runner.errors import (
    EngineError,
    ImageMissingError,
    RemoteEngineError,
)
from runner.host.container import Container, ContainerSpec, OurContainer
from runner.host.docker_container import DockerContainer
from runner.host.engine_errors import translated
from runner.host.engine_request import Identity, identify
from runner.host.host_config import check_limits, host_config, why_no_gpus, why_no_limits
from runner.host.image_lookup import look_up
from runner.host.machine import has_unified_cgroups
from runner.host.selinux import KERNEL, uses_selinux

if TYPE_CHECKING:
    import docker

DEFAULT_SOCKET: Final = "unix:///var/run/docker.sock"
LABEL: Final = "org.stagerun."

STOPPED: Final = frozenset({"created", "configured", "exited", "stopped", "dead"})
"""The states without any process, in the words of Docker and of Podman."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image: the digest is its id, so it changes with content; ``command`` is its program."""

    name: str
    digest: str
    size_bytes: int
    labels: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """What ``stagerun doctor`` and the limits want to know of the engine."""

    name: str
    version: str
    address: str
    storage: str
    cgroup_version: str
    root_folder: str
    cpus: int
    memory_bytes: int
    swap_limit: bool
    is_podman: bool
    rootless: bool
    runtimes: tuple[str, ...]
    why_no_gpus: str | None = None
    why_no_limits: str | None = None


class Engine(Protocol):
    """The engine's promises.

    1. A container is created, attached, started, waited for, inspected and removed in that order;
       it is never removed by itself, so no exit code gets lost.
    2. Mounts are bind mounts of things that exist; nothing is created on the host.
    3. The root file system is read-only, all capabilities are dropped, no new privileges can be
       gained, and the network is ``none`` unless another one is named.
    4. Memory and memory plus swap have the same limit. An engine that keeps no limits is refused.
    5. GPUs are granted by UUID, and nothing but those granted is visible. An engine that cannot
       do so says why.
    6. No proxy settings of the client's configuration reach the container.
    7. Every error is one of ``runner.errors``; a start that fails leaves a container for
       ``remove``.
    8. ``container()`` removes its container on every way out, unless it was told to be kept; where
       the engine does not do so the container is ``left``.
    """

    @property
    def address(self) -> str:
        """Where it answers."""

    def facts(self) -> EngineFacts:
        """What kind of engine it is. Raises EngineUnavailableError or RemoteEngineError."""

    def user(self, uid: int, gid: int) -> str:
        """The user of a container whose files shall belong to this uid and gid."""

    def why_no_gpus(self) -> str | None:
        """Why it cannot hand GPUs to containers, as a clause; None when it can."""

    def image(self, name: str) -> Image | None:
        """The image behind a name or digest; None if it is not there."""

    def container(self, spec: ContainerSpec) -> contextlib.AbstractContextManager[Container]:
        """Create a container, and remove it at the end."""

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        """All containers, alive or not, that carry these labels."""

    def our_containers(self) -> list[OurContainer]:
        """Containers of every job, whoever made them."""

    def remove_stopped(self, container: OurContainer) -> None:
        """Remove a container that does not run; it is no error that it is gone.

        Raises EngineError when it was started in the meantime.
        """

    def remove_image(self, digest: str) -> None:
        """Remove an image. Raises EngineError when something stands on it."""


def engine_address(environment: Mapping[str, str] | None = None) -> str:
    """The engine's socket: DOCKER_HOST or Docker's own. Raises RemoteEngineError."""
    environment = os.environ if environment is None else environment
    address = environment.get("DOCKER_HOST") or DEFAULT_SOCKET
    if not address.startswith("unix://"):
        msg = (
            f"DOCKER_HOST is {address}: stagerun needs an engine on this machine: it "
            "mounts the job's folders by their paths here. Unset DOCKER_HOST, or run it there."
        )
        raise RemoteEngineError(msg)
    return address


class DockerEngine:
    """The engine behind a socket of this machine; see ``Engine`` for its promises."""

    def __init__(self, address: str | None = None, *, selinux: Path = KERNEL) -> None:
        self.address = address or engine_address()
        self._selinux = selinux
        self._client: docker.APIClient | None = None

    @functools.cached_property
    def identity(self) -> Identity:
        """Which engine it is. Raises EngineUnavailableError."""
        with translated(self.address):
            return identify(self.address)

    @property
    def api(self) -> "docker.APIClient":
        """The SDK's client. Raises EngineUnavailableError."""
        if self._client is None:
            version = self.identity.api_version
            with translated(self.address):
                import docker

                self._client = docker.APIClient(base_url=self.address, version=version, timeout=60)
                # A socket of this machine needs no proxy, for which it would look at each request.
                self._client.trust_env = False
        return self._client

    def facts(self) -> EngineFacts:
        """Ask the engine for its version and configuration."""
        with translated(self.address):
            info = self.api.info()
        is_podman = self.identity.podman is not None
        return EngineFacts(
            name="Podman" if is_podman else "Docker",
            version=info.get("ServerVersion") or "unknown",
            address=self.address,
            storage=info.get("Driver", "unknown"),
            cgroup_version=str(info.get("CgroupVersion", "1")),
            root_folder=info.get("DockerRootDir", ""),
            cpus=info.get("NCPU") or os.cpu_count() or 1,
            memory_bytes=info.get("MemTotal") or 0,
            swap_limit=bool(info.get("SwapLimit", True)),
            is_podman=is_podman,
            # Not from its options: Podman does not say it there.
            rootless=self.identity.uid != 0,
            runtimes=tuple(info.get("Runtimes") or ()),
            why_no_gpus=self.why_no_gpus(),
            why_no_limits=why_no_limits(self.identity.uid, unified=has_unified_cgroups()),
        )

    def user(self, uid: int, gid: int) -> str:
        """The caller, who in a rootless engine is root inside the container."""
        return "0:0" if self.identity.uid != 0 else f"{uid}:{gid}"

    def why_no_gpus(self) -> str | None:
        """Older ones of Podman ignore requests for GPUs."""
        return why_no_gpus(self.identity.podman)

    def image(self, name: str) -> Image | None:
        """Look an image up by name or digest."""
        found = self._look_up(name)
        if found is None:
            return None
        config = found.get("Config") or {}
        return Image(
            name=name,
            digest=found["Id"] if ":" in found["Id"] else f"sha256:{found['Id']}",
            size_bytes=found.get("Size") or 0,
            labels=config.get("Labels") or {},
            command=tuple(config.get("Cmd") or ()),
        )

    def _look_up(self, name: str) -> dict[str, Any] | None:
        if self._client is None:
            with contextlib.suppress(OSError, ValueError, IndexError):
                return look_up(self.address, name)
        try:
            with translated(self.address):
                found: dict[str, Any] = self.api.inspect_image(name)  # type: ignore[no-untyped-call]  # the stubs leave it so
                return found
        except ImageMissingError:
            return None

    @contextlib.contextmanager
    def container(self, spec: ContainerSpec) -> Iterator[DockerContainer]:
        """Create a container and remove it at the end, whatever happens."""
        check_limits(self.identity.uid, unified=has_unified_cgroups())
        with translated(self.address):
            created = self.api.create_container(
                spec.image,
                command=list(spec.command) if spec.command else None,
                entrypoint=list(spec.entrypoint) if spec.entrypoint else None,
                tty=spec.terminal,
                stdin_open=spec.terminal,
                name=spec.name,
                user=spec.user,
                environment=dict(spec.environment),
                labels=dict(spec.labels),
                host_config=host_config(
                    self.api, spec, self.identity.podman, selinux=self._confines_by_label()
                ),
                use_config_proxy=False,
            )
        container = self._container(created["Id"], tuple(created.get("Warnings") or ()))
        try:
            yield container
        finally:
            # What cannot be removed now must not cost the run its record; the next call on the
            # stage removes it.
            if not container.kept:
                try:
                    container.remove()
                except EngineError:
                    container.left = True

    def _container(
        self, identifier: str, warnings: tuple[str, ...] = (), created: float | None = None
    ) -> DockerContainer:
        kind = DockerContainer
        if self.identity.podman is not None:
            from runner.host.podman_container import PodmanContainer as kind  # noqa: N813 - a kind
        return kind(self.api, self.address, identifier, warnings, created)

    def _confines_by_label(self) -> bool:
        # Only where the kernel has SELinux is the engine asked: the answer takes its time.
        if not self._selinux.is_dir():
            return False
        with translated(self.address):
            return uses_selinux(self.api.info().get("SecurityOptions") or ())

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        """List containers by labels, all of which must match."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        with translated(self.address):
            found = self.api.containers(all=True, filters={"label": wanted})
        return [self._container(item["Id"], created=float(item["Created"])) for item in found]

    def our_containers(self) -> list[OurContainer]:
        """List the containers of every job."""
        with translated(self.address):
            found = self.api.containers(all=True, filters={"label": [f"{LABEL}job"]})
        return [
            OurContainer(
                id=item["Id"],
                name=(item.get("Names") or [item["Id"]])[0].lstrip("/"),
                labels=item["Labels"],
                is_running=item["State"] not in STOPPED,
            )
            for item in found
        ]

    def remove_stopped(self, container: OurContainer) -> None:
        """Remove it without force, so that the engine refuses a running one."""
        with translated(self.address):
            import docker

            with contextlib.suppress(docker.errors.NotFound):
                self.api.remove_container(container.id, v=True)

    def remove_image(self, digest: str) -> None:
        """Remove an image and those below it that nothing else needs."""
        with translated(self.address):
            self.api.remove_image(digest)
