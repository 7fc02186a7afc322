"""A probe stage that computes on a GPU with a small library of the tests' own."""

import shutil
from collections.abc import Sequence
from types import ModuleType
from typing import Final

from tests.faults.calls import PROBE, program
from tests.project_kit import Kit

SPEC: Final = """\
summary: Computes on a GPU, or says that it does
parent: base
gpu: {need}
inputs: {{text: input/text}}
outputs: {{copy: {{file: copy.txt, type: text}}}}
resources: {{cpus: 1, tmp: 16MiB, pids: 64, {resources}}}
{more}
"""


def write_gpu_stage(
    kit: Kit,
    library: ModuleType,
    lines: Sequence[str],
    *,
    need: str,
    memory: str | None,
    resources: str,
    more: str,
) -> None:
    """Let the probe stage ask for ``memory`` of a GPU and do these lines of Python.

    They find the library imported, and its ``GIB``; ``more`` are further lines of stage.yaml.
    """
    asked = f"{resources}, gpu_memory: {memory}" if memory else resources
    kit.spec(PROBE, SPEC.format(need=need, resources=asked, more=more))
    name = library.__name__.rpartition(".")[2]
    kit.code(PROBE, program("\n".join((f"import {name}", f"from {name} import GIB", *lines))))
    shutil.copy(str(library.__file__), kit.root / "stages" / PROBE)
