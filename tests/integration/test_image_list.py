"""The list of a project's images on a real engine, and their packages."""

import json
from typing import Any

import pytest

from runner.host.engine import DockerEngine
from runner.host.image_list import list_images
from runner.host.images import Condition
from runner.host.inventory import take_inventory
from runner.host.recipe import image_name, parent_image
from runner.project.pipeline import load_project
from tests.project_kit import Kit

pytestmark = [pytest.mark.engine]


def test_a_stage_image_shares_all_but_its_own_files_with_the_others(
    real_kit: Kit, engine: DockerEngine
) -> None:
    found = list_images(load_project(real_kit.root), engine)
    listed = {image.image: image for image in found.images}
    probe = listed[image_name("50_probe")]
    assert (probe.kind, probe.condition) == ("stage", Condition.PRESENT)
    assert probe.size_bytes - probe.shared_bytes < 2_000_000 < probe.shared_bytes
    assert probe.age_seconds is not None
    assert probe.age_seconds >= 0
    assert listed[parent_image("base")].size_bytes <= found.size_bytes
    assert found.size_bytes < 2 * probe.size_bytes


def test_the_command_lists_missing_and_old_images_as_such(real_kit: Kit) -> None:
    real_kit.code("51_next", "print('changed')\n")
    document: Any = json.loads(real_kit.run("images", "list", "--json").stdout)
    reasons = {image["image"]: image["reason"] for image in document["images"]}
    assert reasons[image_name("50_probe")] == ""
    assert reasons[image_name("51_next")] == "older than stages/51_next/stage.py"


def test_an_image_names_its_packages_with_versions_and_licences(
    real_kit: Kit, engine: DockerEngine
) -> None:
    _ = real_kit
    found = take_inventory(engine, image_name("50_probe"), made_by="")
    versions = found.versions("debian")
    assert versions["python3"].startswith("3.")
    licences = {item.name: item.license for item in found.packages}
    assert "GPL-2+" in licences["ca-certificates"]
    assert licences["libpython3-stdlib"] == licences["python3"]
