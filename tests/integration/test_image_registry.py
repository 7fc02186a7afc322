"""Images shared through a registry."""

from collections.abc import Iterator

import pytest

from runner.host.engine import DockerEngine
from runner.host.recipe import image_name, parent_image
from tests.integration.carried import STAGE, carried_project, remove_images
from tests.integration.registry import registry, why_no_registry
from tests.project_kit import Kit

pytestmark = [
    pytest.mark.engine,
    pytest.mark.images,
    pytest.mark.alone,
    pytest.mark.docker,  # Podman speaks TLS to a registry unless its configuration says otherwise
]

IMAGE = image_name(STAGE)
NEEDS_REGISTRY = pytest.mark.skipif(why_no_registry() is not None, reason=str(why_no_registry()))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, engine: DockerEngine) -> Iterator[Kit]:
    with carried_project(tmp_path_factory.mktemp("shared") / "project", engine) as kit:
        assert kit.run("build", timeout=900).returncode == 0
        yield kit


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry")) as address:
        yield address


def names(engine: DockerEngine, address: str) -> list[str]:
    found = engine.api.images()
    return [tag for image in found for tag in image["RepoTags"] or () if tag.startswith(address)]


@NEEDS_REGISTRY
def test_a_pulled_image_is_the_pushed_one_and_counts_as_present(
    built: Kit, engine: DockerEngine, address: str
) -> None:
    before = engine.image(IMAGE)
    pushed = built.run("images", "push", f"{address}/films", timeout=300)
    assert pushed.returncode == 0, pushed.stderr
    assert pushed.stdout == f"{address}/films: 1 image pushed\n"
    remove_images(engine)
    pulled = built.run("images", "pull", f"{address}/films", timeout=300)
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stdout == f"{address}/films: 1 image pulled\n"
    assert engine.image(IMAGE) == before
    assert "as new as their sources" in built.run("build").stdout
    assert names(engine, address) == []


@NEEDS_REGISTRY
def test_a_pulled_image_that_is_older_than_the_sources_is_named(built: Kit, address: str) -> None:
    assert built.run("images", "push", address, timeout=300).returncode == 0
    path = built.root / "stages" / STAGE / "stage.py"
    before = path.read_text()
    path.write_text("print('newer')\n")
    done = built.run("images", "pull", address, "carried", timeout=300)
    path.write_text(before)
    assert done.returncode == 0
    assert f"{IMAGE} is older than stages/{STAGE}/stage.py: stagerun build\n" in done.stdout


@NEEDS_REGISTRY
def test_another_image_under_the_name_of_a_stage_is_left_aside(
    built: Kit, engine: DockerEngine, address: str
) -> None:
    remote = f"{address}/foreign/stagerun/{STAGE}"
    engine.api.tag(parent_image("base"), remote, "main")
    list(engine.api.push(remote, tag="main", stream=True))
    engine.api.remove_image(f"{remote}:main")
    before = engine.image(IMAGE)
    done = built.run("images", "pull", f"{address}/foreign", timeout=300)
    assert done.returncode == 5
    assert f"{remote}:main is no image of {STAGE}" in done.stderr
    assert engine.image(IMAGE) == before
    assert names(engine, address) == []


@NEEDS_REGISTRY
def test_an_image_that_the_registry_does_not_have_is_one_sentence(built: Kit, address: str) -> None:
    done = built.run("images", "pull", f"{address}/nothing")
    assert done.returncode == 5
    assert f"{address}/nothing/{IMAGE} was not pulled: " in done.stderr
    assert "Repeat the same command" in done.stderr


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_a_registry_that_does_not_answer_is_one_sentence(
    built: Kit, engine: DockerEngine, verb: str
) -> None:
    done = built.run("images", verb, "127.0.0.1:1")
    assert done.returncode == 5
    assert f"127.0.0.1:1/{IMAGE} was not {verb}ed: " in done.stderr
    assert "connection refused" in done.stderr
    assert names(engine, "127.0.0.1:1") == []


@pytest.mark.parametrize("name", ["https://registry.example", "films", "registry.example/a b", ""])
def test_what_names_no_registry_is_refused_before_anything_is_sent(built: Kit, name: str) -> None:
    done = built.run("images", "push", name)
    assert done.returncode == 2
    assert "names no registry: write its host" in done.stderr
