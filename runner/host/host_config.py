"""A container's specification in the words of Docker's API, as Docker and as Podman understand it.

Podman takes the same request and differs in four places: it has no log driver ``local``, it takes
mounts apart at their commas, it lays writable folders over a read-only root file system, and
before 5.4 it ignores a request for GPUs without a word.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.errors import EngineError, GpuUnavailableError
from runner.host.container import ContainerSpec, Mount
from runner.host.selinux import security_options

if TYPE_CHECKING:
    import docker

GPUS_SINCE: Final = (5, 4)
"""The first Podman that hands out GPUs to who asks through Docker's API."""

CDI_KIND: Final = "nvidia.com/gpu"
"""How NVIDIA's container toolkit names GPUs for engines without its runtime."""

LOG_SIZE: Final = "100m"
"""As much as Docker's ``local`` keeps: five files of 20 MB."""

TMP: Final = "rw,nosuid,nodev,exec,size={size},mode=1777"
SEALED: Final = dict.fromkeys(("/run", "/var/tmp"), "ro,nosuid,nodev,noexec,size=64k,mode=755")
"""Where Podman would let a container write although its root file system is read-only."""

LIMITS_ADVICE: Final = "Boot with cgroup v2, or use root's engine"

Podman = tuple[int, ...]


def why_no_gpus(podman: Podman | None) -> str | None:
    """Why an engine cannot hand GPUs to containers; None when it can."""
    if podman is None or podman >= GPUS_SINCE:
        return None
    version, since = (".".join(map(str, numbers)) for numbers in (podman, GPUS_SINCE))
    return (
        f"Podman {version} ignores requests for GPUs through Docker's API, which it fulfils "
        f"since {since}"
    )


def why_no_limits(uid: int, *, unified: bool) -> str | None:
    """Why the engine of that user keeps no limits; ``unified`` says that cgroup v2 is in use."""
    if uid == 0 or unified:
        return None
    return "an engine without root keeps limits on cgroup v2 alone, and this machine has v1"


def check_limits(uid: int, *, unified: bool) -> None:
    """Raise EngineError where the engine would ignore limits without a word."""
    if reason := why_no_limits(uid, unified=unified):
        msg = f"a stage runs with limits only; {reason}. {LIMITS_ADVICE}."
        raise EngineError(msg)


def host_config(
    api: "docker.APIClient", spec: ContainerSpec, podman: Podman | None, *, selinux: bool = False
) -> Any:
    """The ``HostConfig`` of a container; ``podman`` is its version, None for Docker.

    ``selinux`` says that the engine confines containers by it.

    Raises EngineError for a path that the engine cannot mount, and GpuUnavailableError.
    """
    from docker.types import Mount as BindMount

    plain = [mount for mount in spec.mounts if podman is None or not _has_csv(mount.source)]
    return api.create_host_config(
        mounts=[
            BindMount(mount.target, mount.source, type="bind", read_only=mount.read_only)
            for mount in plain
        ],
        binds=_binds([mount for mount in spec.mounts if mount not in plain]),
        network_mode=spec.network,
        read_only=True,
        cap_drop=["ALL"],
        security_opt=security_options(selinux=selinux),
        init=True,
        mem_limit=spec.memory,
        memswap_limit=spec.memory,
        nano_cpus=round(spec.cpus * 1_000_000_000),
        pids_limit=spec.pids,
        shm_size=spec.shm,
        tmpfs={"/tmp": TMP.format(size=spec.tmp), **(SEALED if podman else {})},
        log_config=_log(podman),
        device_requests=_gpus(spec.gpus, podman),
    )


def _log(podman: Podman | None) -> Any:
    from docker.types import LogConfig

    if podman is None:
        return LogConfig(type="local")
    return LogConfig(type="k8s-file", config={"max-size": LOG_SIZE})


def _gpus(uuids: Sequence[str], podman: Podman | None) -> list[Any] | None:
    from docker.types import DeviceRequest

    if not uuids:
        return None
    if reason := why_no_gpus(podman):
        msg = f"the stage was granted a GPU, and {reason}. Use Docker, or a newer Podman."
        raise GpuUnavailableError(msg)
    if podman is None:
        return [DeviceRequest(device_ids=list(uuids), capabilities=[["gpu"]])]
    return [DeviceRequest(driver="cdi", device_ids=[f"{CDI_KIND}={uuid}" for uuid in uuids])]


def _has_csv(path: str) -> bool:
    """Whether Podman, which makes a line of comma separated values of a mount, would err."""
    return any(character in path for character in ',"\r\n')


def _binds(mounts: Sequence[Mount]) -> list[str]:
    """The older way to say mounts, which are taken apart at their colons instead."""
    for mount in mounts:
        if ":" in mount.source:
            msg = (
                f"Podman cannot mount {mount.source!r}: it takes names apart at colons where "
                "there is a comma, a quotation mark or a line break too. Rename it, or use Docker."
            )
            raise EngineError(msg)
        # Asked in this way, an engine makes a folder of what is not there.
        if not Path(mount.source).exists():
            msg = f"there is no {mount.source!r} to mount. Run the stage again."
            raise EngineError(msg)
    return [
        f"{mount.source}:{mount.target}:{'ro' if mount.read_only else 'rw'}" for mount in mounts
    ]
