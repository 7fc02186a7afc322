"""The console script. Nothing is imported before it is known to be needed."""

import contextlib
import gc
import os
import sys
from typing import Final

ALLOCATIONS_BETWEEN_COLLECTIONS: Final = 100_000
"""What a call imports stays to its end: searching it for garbage all the time cost 10 ms."""


def main() -> int:
    """Run the command line; returns the exit code."""
    if sys.argv[1:] == ["--version"]:
        from runner.version import VERSION

        print(f"stagerun {VERSION}")  # noqa: T201 - this is the command line
        return 0
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until signals are answered there is nothing to tell of where Ctrl-C has struck.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
    from runner.cli.calling import call

    code = call(sys.argv[1:])
    with contextlib.suppress(AttributeError, OSError, ValueError):  # closed by the caller
        sys.stderr.flush()
    # All is written and released. Taking the interpreter apart, with the docker SDK and pydantic in
    # it, would take as long as the engine takes to create a container.
    os._exit(code)
