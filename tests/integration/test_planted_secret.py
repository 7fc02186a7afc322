"""A planted secret, looked for wherever something of a run is kept or can be seen."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runner.host.engine import LABEL, DockerEngine
from tests.faults.calls import ended, program, started, wait_until
from tests.project_kit import STAGE_YAML, Kit

pytestmark = pytest.mark.engine

SECRET = "pl4nted-s3cret-0f-the-site"
USES = program(
    """
    import stat
    token = io.secret("tmdb")
    status = os.stat("/run/secrets/tmdb")
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o400, os.getuid()), status
    assert os.listdir("/run/secrets") == ["tmdb"]
    (folder / "copy.txt").write_text(str(len(token)))
    print("asked with", token, flush=True)
    io.get_stage_logger().warning("asked with %s", token)
    io.add_warning("asked with " + token)
    for path in Path("/proc").glob("[0-9]*/*"):
        if path.name in ("cmdline", "environ"):
            assert token.encode() not in path.read_bytes(), path
    (folder / ".cache").mkdir(exist_ok=True)
    (folder / ".cache/ready").touch()
    while not (folder / ".cache/go").exists():
        time.sleep(0.02)
    """
)


def everything_of(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


def seen_by_the_host() -> Iterator[str]:
    """Arguments and environments of all processes but this one."""
    for process in psutil.process_iter():
        if process.pid != os.getpid():
            try:
                yield repr((process.cmdline(), process.environ()))
            except (psutil.Error, OSError):
                continue


def layers_of(engine: DockerEngine, image: str) -> Iterator[bytes]:
    last = b""
    for chunk in engine.api.get_image(image):
        yield last[-len(SECRET) :] + chunk
        last = chunk


def test_a_secret_is_where_its_stage_reads_it_and_nowhere_else(
    real_kit: Kit, engine: DockerEngine, tmp_path: Path
) -> None:
    place = tmp_path / "site"
    place.mkdir()
    (place / "token").write_text(SECRET + "\n")
    real_kit.settings(f"secrets: {{tmdb: {place}/token, other: {place}/token}}\n")
    real_kit.spec("50_probe", STAGE_YAML.format(source="input/text") + "secrets: [tmdb]\n")
    real_kit.code("50_probe", USES)
    job, runtime = real_kit.job(), tmp_path / "runtime"
    with started(real_kit, "50_probe", job, "--dev", XDG_RUNTIME_DIR=str(runtime)) as process:
        wait_until((job / "50_probe/.cache/ready").exists, "the stage has its secret")
        (container,) = engine.containers({f"{LABEL}job": str(job)})
        inspected = json.dumps(engine.api.inspect_container(container.id))
        top = json.dumps(engine.api.top(container.id))
        host = list(seen_by_the_host())
        in_job = [path for path, data in everything_of(job) if SECRET.encode() in data]
        (job / "50_probe/.cache/go").touch()
        text, _ = process.communicate(timeout=30)
    outcome = ended(job, "50_probe", process.returncode, text)

    assert outcome.verdict == "success", text
    assert (job / "50_probe/copy.txt").read_text() == str(len(SECRET))
    assert "asked with ***" in text
    for seen in (text, inspected, top, *host):
        assert SECRET not in seen
    assert in_job == []
    kept = [path for path, data in everything_of(tmp_path) if SECRET.encode() in data]
    assert kept == [place / "token"]
    assert list(runtime.glob("*/private/*")) == []
    history = json.dumps(
        engine.api.history("stagerun/50_probe:main")  # type: ignore[no-untyped-call]  # the stubs leave it so
    )
    assert SECRET not in history
    for data in layers_of(engine, "stagerun/50_probe:main"):
        assert SECRET.encode() not in data
