"""An engine of a user who is not root: where it keeps no limits it is refused, not trusted."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from runner.errors import EngineError
from runner.host.engine import DockerEngine
from runner.host.machine import has_unified_cgroups
from tests.faults.calls import wait_until
from tests.small_container import SMALL

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user"),
    pytest.mark.skipif(has_unified_cgroups(), reason="on cgroup v2 every engine keeps limits"),
]

SOMEBODY: Final = 12345
# What an engine says of itself; whatever else is asked of it fails.
ENGINE: Final = """
import socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[1])
    server.listen()
    while True:
        with server.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nApi-Version: 1.41\\r\\n\\r\\nOK")
"""


@pytest.fixture
def rootless(open_folder: Path) -> Iterator[DockerEngine]:
    os.chown(open_folder, SOMEBODY, SOMEBODY)
    place = open_folder / "engine.sock"
    as_somebody = ["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups"]
    command = [*as_somebody, sys.executable, "-c", ENGINE, str(place)]
    with subprocess.Popen(command) as process:
        wait_until(place.exists, "its socket")
        yield DockerEngine(f"unix://{place}")
        process.kill()
    os.chown(open_folder, 0, 0)


def test_no_container_is_made_by_an_engine_that_would_ignore_its_limits(
    rootless: DockerEngine,
) -> None:
    with (
        pytest.raises(EngineError, match=r"keeps limits on cgroup v2 alone.* use root's engine"),
        rootless.container(SMALL),
    ):
        pytest.fail("a container was made")
