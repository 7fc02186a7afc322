"""Lets the tests import the modules that lie beside each stage's stage.py."""

from __future__ import annotations

import sys
from pathlib import Path

STAGES = Path(__file__).parents[2] / "stages"

# As in an image, where a stage runs as a script from its own folder. The modules' names differ
# between stages; stage.py itself is only ever run, never imported.
sys.path[:0] = [str(folder.parent) for folder in sorted(STAGES.glob("*/stage.yaml"))]
