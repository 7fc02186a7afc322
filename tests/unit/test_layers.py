"""The layers of the runner point downwards, and it shares no code with the in-container library."""

import tomllib
from pathlib import Path

from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[2]


def test_no_module_imports_from_a_layer_above_it() -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_every_room_of_the_runner_has_its_layer() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (item["layers"] for item in contracts if item["type"] == "layers")
    named = {name.strip() for layer in layers for name in layer.split("|")}
    rooms = {f"runner.{path.parent.name}" for path in (ROOT / "runner").glob("*/__init__.py")}
    assert rooms <= named
