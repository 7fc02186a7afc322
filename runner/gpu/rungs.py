"""With which changes a stage fitted into the memory of a GPU, so that the next job starts there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runner.gpu.learnt import note, recall

RUNGS: Final = "gpu-rungs"


@dataclass(frozen=True, kw_only=True)
class RungKey:
    """Where a rung holds: for a stage with these settings asked for and models, on such a GPU.

    ``memory`` is what is asked for on it: bytes, all or None.
    """

    stage: str
    settings: Mapping[str, str]
    models: Mapping[str, str]
    gpu_name: str
    memory: int | str | None

    @property
    def parts(self) -> dict[str, Any]:
        """The key as plain data."""
        return {
            "stage": self.stage,
            "settings": dict(self.settings),
            "models": dict(self.models),
            "gpu": self.gpu_name,
            "memory": self.memory,
        }


def rung(folder: Path, key: RungKey) -> dict[str, Any] | None:
    """What was kept of the attempt that held, as plain data; None where nothing was."""
    return recall(folder, RUNGS, key.parts)


def remember(folder: Path, key: RungKey, attempt: Mapping[str, Any]) -> None:
    """Keep the attempt that held."""
    note(folder, RUNGS, key.parts, attempt)
