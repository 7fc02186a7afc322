"""The wheel holds every package of the runner, and what images are made of."""

import tomllib

from tests.project_kit import ROOT

HOUSE = {"runner.house.images", "runner.house.shared"}


def test_every_package_of_the_sources_is_in_the_wheel() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for name in ("runner", "shared")
        for path in (ROOT / name).rglob("__init__.py")
    }
    assert set(settings["packages"]) == found | HOUSE
    assert set(settings["package-dir"]) == HOUSE
