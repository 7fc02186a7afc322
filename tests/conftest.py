"""Fixtures that several kinds of tests share, and the engine that all tests run on."""

import functools
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from runner.errors import StagerunError
from runner.host.engine import DockerEngine
from tests.podman_service import BASES, bring_images, podman_service, why_no_podman
from tests.project_kit import Kit, build_kit_images, make_kit

# What an example costs depends on what else the machine does.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
PODMAN = "podman"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--engine podman`` runs the tests that need an engine, and only those, on Podman."""
    parser.addoption("--engine", choices=["docker", PODMAN], default="docker", help="run on it")


def pytest_configure(config: pytest.Config) -> None:
    """Start Podman's service, once for all worker processes, which inherit its address."""
    is_worker = hasattr(config, "workerinput")
    if config.getoption("engine") == PODMAN and not is_worker and why_no_podman() is None:
        stack = ExitStack()
        os.environ["DOCKER_HOST"] = stack.enter_context(podman_service()).address
        config.add_cleanup(stack.close)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other engine; say why where there is no Podman."""
    on_podman = config.getoption("engine") == PODMAN
    left_out = [item for item in items if not _is_about(item, on_podman=on_podman)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    reason = why_no_podman() if on_podman else None
    if reason is not None:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture: a test of the project's images has them on the engine it runs on."""
    on_podman = item.config.getoption("engine") == PODMAN
    if on_podman and item.get_closest_marker("images") and why_no_podman() is None:
        _bring_project_images()


@functools.cache
def _bring_project_images() -> None:
    bring_images(os.environ["DOCKER_HOST"])


def _is_about(item: pytest.Item, *, on_podman: bool) -> bool:
    """Whether a test is worth a run on this engine: on Podman only what needs an engine."""
    marks = {mark.name for mark in item.iter_markers()}
    return "engine" in marks and "docker" not in marks if on_podman else PODMAN not in marks


@pytest.fixture(scope="session", autouse=True)
def own_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or fills the user's cache, nor takes the user's places to run stages.

    Nor does what the tests of a session share: two sessions side by side have places of their own.
    """
    base = tmp_path_factory.getbasetemp() / "user"
    base.mkdir(exist_ok=True, mode=0o700)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(base))
        environment.setenv("XDG_RUNTIME_DIR", str(base))
        yield


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
def is_podman(pytestconfig: pytest.Config) -> bool:
    """Whether the tests run on Podman."""
    return bool(pytestconfig.getoption("engine") == PODMAN)


@pytest.fixture(scope="session")
def kit_images(tmp_path_factory: pytest.TempPathFactory, is_podman: bool) -> None:
    """The images of the small project's stages."""
    if is_podman:
        bring_images(os.environ["DOCKER_HOST"], *BASES)
    build_kit_images(make_kit(tmp_path_factory.mktemp("kit") / "project"))


@pytest.fixture
def real_kit(kit: Kit, request: pytest.FixtureRequest) -> Kit:
    """A small project whose images are built."""
    request.getfixturevalue("engine")
    request.getfixturevalue("kit_images")
    return kit


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show what tests measured, also when they ran in worker processes; say what was not tested."""
    reports = terminalreporter.stats.get("passed", [])
    measured = [item for report in reports for item in report.user_properties]
    if measured:
        terminalreporter.section("measured")
        for name, value in measured:
            terminalreporter.write_line(f"{name}: {value}")
    without_gpu = [it for it in terminalreporter.stats.get("skipped", []) if "gpu" in it.keywords]
    if without_gpu:
        reason = without_gpu[0].longrepr[2].removeprefix("Skipped: ")
        terminalreporter.section("NOTHING WAS TESTED ON A GPU", sep="!")
        terminalreporter.write_line(f"The {len(without_gpu)} tests in tests/gpu: {reason}")
    if config.getoption("engine") == PODMAN and (reason := why_no_podman()):
        terminalreporter.section("NOTHING WAS TESTED ON PODMAN", sep="!", red=True, bold=True)
        terminalreporter.write_line(reason)
