"""On what something was measured."""

import os
import platform
from datetime import UTC, datetime

from runner.host.engine import EngineFacts


def machine_line(facts: EngineFacts) -> str:
    """The day, the processors, and the versions of Python and the engine."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {facts.name} {facts.version}"
    )
