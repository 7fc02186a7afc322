"""The course of a run's GPUs, read back from its record."""

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.manifest import GpuCurve


def recorded_curves(record: Mapping[str, Any]) -> "dict[str, GpuCurve]":
    """The course of each GPU in a run, by UUID; empty where it had none or the record is older."""
    found = record.get("gpu_curve")
    if not isinstance(found, dict) or not found:
        return {}
    # Late: most runs have no GPU, and a look at a job shall be quick.
    from runner.manifest import GpuCurve

    with contextlib.suppress(ValueError):
        return {uuid: GpuCurve.model_validate(curve) for uuid, curve in found.items()}
    return {}
