"""The images' entry point, as a shell of the base image runs it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from runner.host.build_context import ContextFile, context_tar, file_at
from runner.host.buildkit import BuildRequest, send_build
from runner.host.engine import DockerEngine
from runner.host.image_build import build
from runner.host.images import plan
from runner.host.recipes import HOUSE
from runner.project.pipeline import load_project
from runner.run.variant import chosen_images

pytestmark = [pytest.mark.engine, pytest.mark.images]

IMAGE = "stagerun-test/entry:trial"
DOCKERFILE = b"""\
FROM stagerun/parent-base:current
COPY entry.sh /entry.sh
ENTRYPOINT ["/entry.sh"]
"""
PATIENT = """
import signal, sys, time
def leave(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    time.sleep(0.2)
    sys.exit(5)
for name in ("SIGTERM", "SIGINT"):
    signal.signal(getattr(signal, name), leave)
print("ready", flush=True)
time.sleep(30)
"""


@pytest.fixture(scope="module")
def image(engine: DockerEngine) -> Iterator[str]:
    """The base image with the entry point."""
    project = load_project(HOUSE)
    build(project, engine, plan(project, engine, chosen_images(project)), lambda _: None)
    files = [
        ContextFile(path="Dockerfile", source=DOCKERFILE),
        file_at("entry.sh", HOUSE / "images/entry.sh"),
    ]
    with context_tar(files) as context:
        failure = send_build(engine.api, BuildRequest(image=IMAGE), context, lambda *_: None)
    assert failure is None
    yield IMAGE
    engine.api.remove_image(IMAGE, force=True)


def run(
    engine: DockerEngine,
    image: str,
    *command: str,
    signal: str = "",
    run_id: str = "trial",
    **host: Any,
) -> tuple[int, str, dict[str, Any] | None]:
    """Exit code, the rest of the output and the end record of one container."""
    container = engine.api.create_container(
        image,
        command=list(command),
        user="12345:12345",
        environment={"STAGERUN_RUN_ID": run_id} if run_id else {},
        host_config=engine.api.create_host_config(
            read_only=True, network_mode="none", init=True, cap_drop=["ALL"], **host
        ),
    )["Id"]
    try:
        engine.api.start(container)
        if signal:
            wait_for(engine, container, b"ready")
            engine.api.kill(container, signal=signal)
        code = int(engine.api.wait(container, timeout=60)["StatusCode"])
        text = engine.api.logs(container).decode()
    finally:
        engine.api.remove_container(container, force=True)
    rest, mark, record = text.partition("\x1e")
    return code, rest, json.loads(record) if mark else None


def wait_for(engine: DockerEngine, container: str, word: bytes) -> None:
    until = time.monotonic() + 30
    while word not in engine.api.logs(container):
        assert time.monotonic() < until, "the program did not become ready"
        time.sleep(0.05)


def test_exit_code_and_figures_are_reported(image: str, engine: DockerEngine) -> None:
    code, _, record = run(engine, image, "sh", "-c", "exit 3")
    assert code == 3
    assert record is not None
    assert (record["type"], record["exit_code"], record["oom_kills"]) == ("end", 3, 0)
    assert record["cpu_seconds"] > 0
    assert {"memory_peak_bytes", "read_bytes", "write_bytes"} <= record.keys()


def test_a_container_started_by_hand_stays_quiet(image: str, engine: DockerEngine) -> None:
    assert run(engine, image, "echo", "hello", run_id="") == (0, "hello\n", None)


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_signals_reach_the_stage_and_its_exit_code_is_kept(
    signal: str, image: str, engine: DockerEngine
) -> None:
    code, rest, record = run(engine, image, "python3", "-c", PATIENT, signal=signal)
    assert (code, rest) == (5, f"ready\ngot {signal}\n")
    assert record is not None
    assert record["exit_code"] == 5


def test_a_stage_that_a_signal_ends_has_the_shells_code_for_it(
    image: str, engine: DockerEngine
) -> None:
    command = ("python3", "-c", "import time; print('ready', flush=True); time.sleep(30)")
    code, _, record = run(engine, image, *command, signal="SIGTERM")
    assert code == 143
    assert record is not None


def test_a_killed_child_of_a_stage_that_goes_on_is_counted(
    image: str, engine: DockerEngine
) -> None:
    hungry = "import sys; held = bytearray(200 << 20); sys.exit(9)"
    limit = 64 << 20
    code, _, record = run(
        engine,
        image,
        *("sh", "-c", f'python3 -c "{hungry}"; exit 0'),
        mem_limit=limit,
        memswap_limit=limit,
    )
    assert code == 0
    assert record is not None
    assert record["oom_kills"] >= 1
    assert record["memory_peak_bytes"] > limit * 0.9


def test_a_command_that_is_not_there_ends_with_127(image: str, engine: DockerEngine) -> None:
    code, _, record = run(engine, image, "no-such-program")
    assert code == 127
    assert record is not None
