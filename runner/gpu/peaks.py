"""How much GPU memory a stage took on this machine, and what to ask for the next time."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runner.gpu.learnt import note, recall

PEAKS: Final = "gpu-peaks"
# Two runs of the same stage are never quite alike: inputs differ, and libraries keep blocks.
FACTOR: Final = 1.15
MARGIN_BYTES: Final = 256 << 20
# A request that is off by less is none of anybody's business.
FAR: Final = 2.0
FAR_BYTES: Final = 1 << 30


@dataclass(frozen=True, kw_only=True)
class PeakKey:
    """What a peak depends on, beside the GPU's model: digests, and settings by name."""

    stage: str
    image: str
    models: Mapping[str, str]
    settings: Mapping[str, str]

    @property
    def parts(self) -> dict[str, Any]:
        """The key as plain data."""
        return {
            "stage": self.stage,
            "image": self.image,
            "models": dict(self.models),
            "settings": dict(self.settings),
        }


@dataclass(frozen=True, kw_only=True)
class Peak:
    """The most that any run took on one GPU of a model, in bytes, and which run that was."""

    bytes: int
    run_id: str

    @property
    def request_bytes(self) -> int:
        """What to ask for."""
        return round(self.bytes * FACTOR) + MARGIN_BYTES


def peaks(folder: Path, key: PeakKey) -> dict[str, Peak]:
    """The peaks by name of the GPU's model; empty where nothing was learnt."""
    found = {}
    for name, known in (recall(folder, PEAKS, key.parts) or {}).items():
        if isinstance(known, dict) and isinstance(known.get("bytes"), int):
            found[name] = Peak(bytes=known["bytes"], run_id=str(known.get("run_id")))
    return found


def learn(folder: Path, key: PeakKey, gpu_name: str, peak: Peak) -> None:
    """Keep a peak, unless a larger one is known."""
    known = peaks(folder, key)
    if gpu_name in known and known[gpu_name].bytes >= peak.bytes:
        return
    known[gpu_name] = peak
    content = {name: {"bytes": it.bytes, "run_id": it.run_id} for name, it in known.items()}
    note(folder, PEAKS, key.parts, content)


def is_far(asked_bytes: int, peak_bytes: int) -> bool:
    """Whether a request has little to do with what a run took."""
    least, most = sorted((asked_bytes, peak_bytes))
    return most > least * FAR and most - least > FAR_BYTES
