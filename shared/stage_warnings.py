"""Warnings for those who watch a stage and for those who read its manifest."""

from __future__ import annotations

from shared.stage_utils import StageIO


def warn(io: StageIO, *warnings: str) -> None:
    """Log each warning and list it in the manifest; ``io.add_warning`` alone logs nothing."""
    for warning in warnings:
        io.get_stage_logger().warning("%s", warning)
        io.add_warning(warning)
