"""Making the base without a registry: what mmdebstrap is told, and how its failure is shown."""

from pathlib import Path

import pytest

from runner.errors import BuildError
from runner.host.apt_sources import AptSource
from runner.host.base_image import pull
from runner.host.bootstrap import bootstrap
from runner.host.engine import DockerEngine
from runner.host.site import Site

pytestmark = [pytest.mark.engine, pytest.mark.alone]

IMAGE = "stagerun-test/bootstrap:trial"
WORD = "mirror-Pa55word"
SITE = Site(
    sources=(
        AptSource(
            uris=(f"http://me:{WORD}@mirror.example/debian",),
            suites=("bookworm",),
            components=("main",),
        ),
    ),
    apt_options={"Acquire::http::Proxy": f"http://me:{WORD}@proxy.example:3128"},
    passwords=f"machine mirror.example login me password {WORD}\n",
)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mmdebstrap that notes what it is given and fails."""
    path = tmp_path / "bin/mmdebstrap"
    path.parent.mkdir()
    path.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" >{tmp_path}/arguments\ncat >{tmp_path}/sources\n"
        f'echo "$http_proxy" >{tmp_path}/proxy\necho "E: cannot reach $http_proxy" >&2\nexit 4\n'
    )
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def make(engine: DockerEngine, site: Site, cache: Path) -> list[str]:
    lines: list[str] = []
    bootstrap(
        engine.api, IMAGE, "bookworm", site=site, cache=cache, labels={}, on_line=lines.append
    )
    return lines


def test_a_failed_bootstrap_shows_its_last_lines_and_leaves_no_image(
    program: Path, engine: DockerEngine, tmp_path: Path
) -> None:
    _ = program
    with pytest.raises(BuildError, match=r"exit code 4.*\n    E: cannot reach http://me:\*\*\*@"):
        make(engine, SITE, tmp_path)
    assert engine.image(IMAGE) is None


def test_passwords_are_not_among_the_arguments_that_everybody_may_read(
    program: Path, engine: DockerEngine, tmp_path: Path
) -> None:
    _ = program
    with pytest.raises(BuildError):
        make(engine, SITE, tmp_path)
    assert WORD not in (tmp_path / "arguments").read_text()
    assert WORD in (tmp_path / "sources").read_text()
    assert WORD in (tmp_path / "proxy").read_text()


def test_a_host_without_debian_sources_is_told_what_would_help(
    engine: DockerEngine, tmp_path: Path
) -> None:
    with pytest.raises(BuildError, match=r"names no package sources of Debian"):
        make(engine, Site(), tmp_path)


def test_mmdebstrap_that_cannot_be_fetched_is_named_with_the_command_that_installs_it(
    engine: DockerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"apt-get install --yes mmdebstrap"):
        make(engine, SITE, tmp_path)


def test_a_registry_that_does_not_answer_is_a_reason_and_no_crash(engine: DockerEngine) -> None:
    problem = pull(engine, "127.0.0.1:1/nothing:here")
    assert problem is not None
    assert "connection refused" in problem
