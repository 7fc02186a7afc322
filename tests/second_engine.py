"""Starts a second container engine beside the machine's own, with a stub of NVIDIA's runtime hook.

The engine has its own network namespace (an engine without a bridge removes that of another one in
its namespace), its own folders, socket and containerd. It needs root. `stop` ends it by its process
and leaves nothing behind.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import docker
from docker.errors import DockerException

from tests.faults.small_disk import small_disk

HOOK_NAME: Final = "nvidia-container-runtime-hook"
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0

# What an engine does for a device request is to put the list into the container's environment and
# to call this program before the container starts. It keeps what it was called with.
HOOK: Final = """#!{python} -I
import json, pathlib, sys
folder = pathlib.Path({folder!r})
refusal = folder / "refuse"
if refusal.exists():
    sys.exit(refusal.read_text())
state = json.load(sys.stdin)
bundle = json.loads((pathlib.Path(state["bundle"]) / "config.json").read_text())
call = {{"arguments": sys.argv[1:], "environment": bundle["process"]["env"]}}
(folder / (state["id"] + ".json")).write_text(json.dumps(call))
"""


@dataclass(frozen=True)
class HookCall:
    """One call of the stub hook: its arguments, and the environment of the container."""

    arguments: tuple[str, ...]
    environment: dict[str, str]


@dataclass(frozen=True)
class SecondEngine:
    """A running engine; ``address`` is what ``DOCKER_HOST`` and an SDK client take."""

    address: str
    client: docker.DockerClient
    folder: Path
    process: list[subprocess.Popen[bytes]]
    hook: bool

    def crash(self) -> None:
        """End the engine as a power cut would; its containers run on without it."""
        self.process[-1].kill()
        self.process[-1].wait(STOP_SECONDS)

    def stop(self) -> None:
        """End the engine in order: it stops its containers."""
        _stop(self.process[-1])

    def start_again(self) -> None:
        """Start it once more after `crash` or `stop`, with the images and containers it had."""
        # Their processes may still be listed as ended ones, and would be taken for alive.
        for name in ("engine.pid", "engine.sock", "exec/containerd/containerd.pid"):
            (self.folder / name).unlink(missing_ok=True)
        self.process.append(_start(self.folder, hook=self.hook))
        _connect(self.process[-1], self.folder).close()

    def load(self, image: str) -> None:
        """Copy an image of the machine's own engine into this one, through a pipe."""
        with _main_engine() as main:
            chunks = main.images.get(image).save(named=True)
            self.client.images.load(chunks)  # type: ignore[arg-type]  # it sends what it iterates

    def hook_call(self, container_id: str | None) -> HookCall | None:
        """How the hook was called for that container; None when it was not."""
        path = self.folder / "calls" / f"{container_id}.json"
        if not path.exists():
            return None
        call: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        pairs = (entry.partition("=") for entry in call["environment"])
        return HookCall(tuple(call["arguments"]), {name: value for name, _, value in pairs})

    def let_hook_fail(self, message: str) -> None:
        """Make the hook fail with that message from now on, as it does for an unknown GPU."""
        (self.folder / "calls/refuse").write_text(message, encoding="utf-8")

    def let_hook_work(self) -> None:
        """Take `let_hook_fail` back."""
        (self.folder / "calls/refuse").unlink(missing_ok=True)


def why_no_second_engine() -> str | None:
    """Why a second engine cannot be started here; None when it can."""
    if os.geteuid() != 0:
        return "a second engine needs root"
    missing = [name for name in ("dockerd", "setpriv", "unshare") if shutil.which(name) is None]
    if missing:
        return f"a second engine needs {' and '.join(missing)}, not installed here"
    try:
        with _main_engine() as main:
            main.ping()
    except DockerException:
        return "the machine's own engine does not answer: its storage driver is not known"
    return None


@contextmanager
def second_engine(*, hook: bool = True, store_bytes: int | None = None) -> Iterator[SecondEngine]:
    """A second engine for the time of the block; without ``hook`` it knows of no GPU driver.

    With ``store_bytes`` all that it keeps, images and containers, has no more room than that.
    """
    with ExitStack() as stack:
        # Not in a test's own folder: the path of a socket may have 108 characters at most.
        # Nor by mkdtemp: its underscores may not begin or end the name of a namespace.
        folder = Path(tempfile.gettempdir(), f"second-engine-{secrets.token_hex(4)}")
        folder.mkdir(mode=0o700)
        stack.callback(clean_up, folder)
        _prepare(folder, hook=hook)
        if store_bytes is not None:
            (folder / "data").mkdir()
            stack.enter_context(small_disk(folder / "data", str(store_bytes)))
        processes = [_start(folder, hook=hook)]
        stack.callback(lambda: _stop(processes[-1]))
        client = _connect(processes[-1], folder)
        stack.callback(client.close)
        engine = SecondEngine(_address(folder), client, folder, processes, hook)
        stack.callback(_remove_containers, engine)
        yield engine


def _prepare(folder: Path, *, hook: bool) -> None:
    programs = folder / "bin"
    programs.mkdir()
    (folder / "calls").mkdir()
    # An empty file: the machine's own settings must not reach this engine.
    (folder / "daemon.json").write_text("{}", encoding="utf-8")
    if hook:
        program = programs / HOOK_NAME
        text = HOOK.format(python=sys.executable, folder=str(folder / "calls"))
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)


def _start(folder: Path, *, hook: bool) -> subprocess.Popen[bytes]:
    path = f"{folder / 'bin'}:{os.environ['PATH']}" if hook else os.environ["PATH"]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            # Should the tests be killed, the engine is told to end too.
            ["setpriv", "--pdeathsig", "TERM", "unshare", "--net", "dockerd", *_options(folder)],
            env={**os.environ, "PATH": path},
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _options(folder: Path) -> list[str]:
    with _main_engine() as main:
        driver: str = main.info()["Driver"]
    settings = {
        "--config-file": folder / "daemon.json",
        "--host": _address(folder),
        "--data-root": folder / "data",
        "--exec-root": folder / "exec",
        "--pidfile": folder / "engine.pid",
        "--storage-driver": driver,
        # Should it find the containerd of the machine: names of its own there.
        "--containerd-namespace": folder.name,
        "--containerd-plugins-namespace": f"{folder.name}-plugins",
        "--bridge": "none",
        "--iptables": "false",
        "--ip6tables": "false",
    }
    return [f"{name}={value}" for name, value in settings.items()]


def _address(folder: Path) -> str:
    return f"unix://{folder}/engine.sock"


def _connect(process: subprocess.Popen[bytes], folder: Path) -> docker.DockerClient:
    """A client, as soon as the engine answers: its socket is there before it can."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if _listens(folder / "engine.sock"):
            with suppress(DockerException):
                return docker.DockerClient(base_url=_address(folder))
        time.sleep(0.02)
    log = (folder / "log").read_text(encoding="utf-8", errors="replace")
    message = f"the second engine did not start; the end of its log:\n{log[-2000:]}"
    raise RuntimeError(message)


def _listens(place: Path) -> bool:
    # The SDK does not close the socket of a connection that is refused.
    with socket.socket(socket.AF_UNIX) as line, suppress(OSError):
        line.connect(str(place))
        return True
    return False


def _remove_containers(engine: SecondEngine) -> None:
    if engine.process[-1].poll() is not None:
        engine.start_again()
    for container in engine.client.containers.list(all=True):
        container.remove(force=True, v=True)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def clean_up(folder: Path) -> None:
    """Remove an engine's folder with everything that is still mounted in it."""
    unmount_below(folder)
    shutil.rmtree(folder)


def unmount_below(folder: Path) -> None:
    """Unmount all that is mounted in a folder."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    below = [line.split()[4] for line in mounts if line.split()[4].startswith(f"{folder}/")]
    for place in sorted(below, reverse=True):
        subprocess.run(["umount", "--lazy", place], check=False)


@contextmanager
def _main_engine() -> Iterator[docker.DockerClient]:
    client = docker.DockerClient()
    try:
        yield client
    finally:
        client.close()
