"""Tells on standard error with which arguments a program calls faster_whisper.

Python runs this file before the program when its folder is in PYTHONPATH.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any

from faster_whisper import BatchedInferencePipeline, WhisperModel


def told(kind: type, name: str) -> None:
    """From now on each call of the method is told, and then made."""
    called: Callable[..., Any] = getattr(kind, name)

    @functools.wraps(called)
    def call(self: Any, *values: Any, **arguments: Any) -> Any:
        line = {"function": f"{kind.__name__}.{name}", "arguments": arguments}
        sys.stderr.write(f"CALLED {json.dumps(line)}\n")
        return called(self, *values, **arguments)

    setattr(kind, name, call)


told(WhisperModel, "__init__")
told(WhisperModel, "transcribe")
told(WhisperModel, "detect_language")
told(BatchedInferencePipeline, "transcribe")
