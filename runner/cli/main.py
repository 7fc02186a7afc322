"""The console script. Nothing is imported before it is known to be needed."""

import contextlib
import os
import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    if sys.argv[1:] == ["--version"]:
        from runner.version import VERSION

        print(f"stagerun {VERSION}")  # noqa: T201 - this is the command line
        return 0
    from runner.cli.calling import call

    code = call(sys.argv[1:])
    with contextlib.suppress(AttributeError, OSError, ValueError):  # closed by the caller
        sys.stderr.flush()
    # All is written and released. Taking the interpreter apart, with the docker SDK and pydantic in
    # it, would take as long as the engine takes to create a container.
    os._exit(code)
