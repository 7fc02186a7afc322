"""Images that take more than their stage allows."""

import pytest

from tests.project_kit import STAGE_YAML, Kit

pytestmark = [pytest.mark.engine]


def test_an_image_over_its_size_fails_every_build_and_its_largest_layers_are_named(
    real_kit: Kit,
) -> None:
    real_kit.spec("50_probe", STAGE_YAML.format(source="input/text") + "image_size: 2MB\n")
    for _ in range(2):
        built = real_kit.run("build", "probe")
        assert built.returncode == 5
        assert "stagerun/50_probe:main takes 1" in built.stderr
        assert "more than the image_size of 2 MB in " in built.stderr
        assert "stages/50_probe/stage.yaml. Its largest layers: 1" in built.stderr
        assert "MB by the Debian below; " in built.stderr
    assert real_kit.run("build", "next").returncode == 0


def test_an_image_that_keeps_to_its_size_is_no_error(real_kit: Kit) -> None:
    real_kit.spec("50_probe", STAGE_YAML.format(source="input/text") + "image_size: 2GB\n")
    assert real_kit.run("build", "probe").returncode == 0
