"""Fixtures that several kinds of tests share."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from runner.errors import StagerunError
from runner.host.engine import DockerEngine
from tests.project_kit import Kit, build_kit_images, make_kit

# What an example costs depends on what else the machine does.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def own_cache_folder(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test reads or fills the user's cache, nor takes the user's places to run stages."""
    base = tmp_path_factory.getbasetemp() / "user"
    base.mkdir(exist_ok=True, mode=0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(base))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    """The engine of this machine; tests that need it are skipped where there is none."""
    engine = DockerEngine()
    try:
        engine.facts()
    except StagerunError as problem:
        pytest.skip(f"needs a container engine: {problem}")
    yield engine
    engine.api.close()


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    """A small project, nothing built."""
    return make_kit(tmp_path / "project")


@pytest.fixture(scope="session")
def kit_images(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The images of the small project's stages."""
    build_kit_images(make_kit(tmp_path_factory.mktemp("kit") / "project"))


@pytest.fixture
def real_kit(kit: Kit, request: pytest.FixtureRequest) -> Kit:
    """A small project whose images are built."""
    request.getfixturevalue("engine")
    request.getfixturevalue("kit_images")
    return kit


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests measured, also when they ran in worker processes."""
    reports = terminalreporter.stats.get("passed", [])
    measured = [item for report in reports for item in report.user_properties]
    if measured:
        terminalreporter.section("measured")
        for name, value in measured:
            terminalreporter.write_line(f"{name}: {value}")
