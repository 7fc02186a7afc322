"""What the README shows is what the demo prints."""

import re
from typing import Final

import pytest

from tests.e2e.conftest import Demo
from tests.unit.docs_pages import blocks, page

DIFFERS: Final = re.compile(r"\d[\d:.]* (s|[kMG]?B)\b|\b\d[\d:]*:\d\d\b")

pytestmark = [pytest.mark.engine, pytest.mark.images]


def _lasting(line: str) -> str:
    """A line without what differs from run to run: durations, memory, blanks."""
    return " ".join(DIFFERS.sub("", line).split())


def test_the_readme_shows_the_stages_and_results_that_the_demo_prints(demo: Demo) -> None:
    shown = next(
        block.text for block in blocks(page("README.md")) if "$ make demo" in block.text
    ).splitlines()
    printed = demo.printed.replace(str(demo.job), "out/demo").splitlines()
    # Sorted, because stages that run side by side end in either order.
    expected = sorted(_lasting(line) for line in shown if line.startswith((" ✓", " →")))
    assert expected == sorted(_lasting(line) for line in printed if line.startswith((" ✓", " →")))
