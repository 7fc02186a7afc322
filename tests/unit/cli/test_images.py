"""``stagerun images``: reports on images, and what is wrong with a call."""

import json

import pytest

from runner.cli.image_reports import list_lines
from runner.cli.images import command
from runner.host.engine import Image
from runner.host.engine_fake import FakeProcess
from runner.host.image_list import ImageList, ListedImage
from runner.host.images import Condition
from tests.unit.cli.bench import PROBE, Bench

PACKAGES = [
    {"kind": "debian", "name": "bash", "version": "5.2", "license": "GPL-3+"},
    {"kind": "python", "name": "numpy", "version": "2.0", "license": ""},
]


@pytest.fixture(autouse=True)
def in_the_project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.kit.root)


def tells_packages(process: FakeProcess) -> int:
    assert process.spec.network == "none"
    assert process.spec.mounts == ()
    process.print(json.dumps(PACKAGES))
    return 0


def has_no_python(process: FakeProcess) -> int:
    process.print_error("entry.sh: python3: not found")
    return 127


def test_an_image_tells_its_packages_in_a_container_without_network(bench: Bench) -> None:
    bench.does(PROBE, tells_packages)
    said = bench.say(command, "inventory", "probe")
    assert said.text.splitlines()[0] == "stagerun/50_probe:main: 2 packages"
    rows = [line.split("  ") for line in said.text.splitlines()[1:]]
    assert [row[-1] for row in rows] == ["GPL-3+", "not stated"]
    (image,) = bench.say(command, "inventory", "probe", "--json").document["images"]
    assert (image["image"], image["packages"]) == ("stagerun/50_probe:main", PACKAGES)


def test_an_image_that_cannot_tell_its_packages_is_an_error_with_its_words(bench: Bench) -> None:
    bench.does(PROBE, has_no_python)
    said = bench.say(command, "inventory", "probe")
    assert said.code == 5
    assert "cannot be read: its Python 3 has to print them. entry.sh: python3: not" in said.text


def test_the_packages_of_a_missing_image_name_the_command_that_builds_it(bench: Bench) -> None:
    bench.engine.images.clear()
    said = bench.say(command, "inventory", "probe")
    assert said.code == 5
    assert "there is no image stagerun/50_probe:main" in said.text
    assert "stagerun build 50_probe --variant main" in said.text


def test_an_unknown_stage_is_an_error_with_a_suggestion(bench: Bench) -> None:
    said = bench.say(command, "inventory", "51_nex")
    assert (said.code, "did you mean 51_next" in said.text) == (2, True)


def test_the_list_says_what_is_old_what_is_missing_and_what_can_go() -> None:
    found = ImageList(
        images=(
            ListedImage(
                image="a",
                kind="parent",
                condition=Condition.PRESENT,
                size_bytes=3_000_000,
                shared_bytes=2_000_000,
                age_seconds=7300,
            ),
            ListedImage(
                image="b",
                kind="stage",
                condition=Condition.STALE,
                reason="older than x",
                age_seconds=90,
            ),
            ListedImage(image="c", kind="stage", condition=Condition.MISSING, reason="not built"),
        ),
        size_bytes=4_000_000,
        replaced=(Image(name="b", digest="sha256:1", size_bytes=1_000_000),),
    )
    lines = list_lines(found, colour=False)
    assert lines[1].split() == ["a", "parent", "present", "3", "MB", "2", "MB", "2", "h"]
    assert lines[2].endswith("2 min  older than x")
    assert lines[3].split() == ["c", "stage", "missing"]
    assert lines[4] == "2 images take 4 MB, shared layers counted once"
    assert lines[5].endswith("up to 1 MB: stagerun clean --yes removes them")


def test_images_alone_shows_what_there_is_to_call(bench: Bench) -> None:
    said = bench.say(command)
    assert said.code == 0
    names = ("list", "inventory", "lock", "save", "load", "collect", "push", "pull")
    assert [name for name in names if f"\n  {name} " not in said.text] == []
