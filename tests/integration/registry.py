"""A registry on this machine's loopback: Debian's docker-registry."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROGRAM: Final = "docker-registry"
START_SECONDS: Final = 20.0
CONFIGURATION: Final = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "{address}"}}
log: {{level: error, accesslog: {{disabled: true}}}}
"""


def why_no_registry() -> str | None:
    """Why no registry can be started here; None when one can."""
    if shutil.which(PROGRAM) is None:
        return f"{PROGRAM} is not installed: sudo apt-get install {PROGRAM}"
    return None


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """A registry that keeps its images in a folder; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    configuration = folder / "registry.yml"
    configuration.write_text(CONFIGURATION.format(folder=folder / "images", address=address))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "serve", str(configuration)], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait(process, port, folder / "log")
        yield address
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    message = f"the registry did not start:\n{log.read_text(errors='replace')[-2000:]}"
    raise RuntimeError(message)
