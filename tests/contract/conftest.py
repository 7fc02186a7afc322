"""A place to run stage scripts in, and the tests that are run once per Python."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.workplace import ROOT, Workplace, pythons


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    (tmp_path / "shared").symlink_to(ROOT / "shared")
    return Workplace(tmp_path)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until something is so."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "it did not happen within 20 seconds"
            time.sleep(0.01)

    return wait


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "python" in metafunc.fixturenames:
        found = pythons()
        metafunc.parametrize("python", list(found.values()), ids=list(found))
