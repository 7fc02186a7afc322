"""Collecting what builds need, and building without any network from it."""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.errors import BuildError
from runner.host.apt_sources import AptSource
from runner.host.collecting import collect
from runner.host.engine import DockerEngine
from runner.host.images import replaced_images
from runner.host.inventory import take_inventory
from runner.host.recipe import image_name, parent_image
from runner.host.recipes import Recipes
from runner.host.site import Site
from runner.project.pipeline import load_project
from tests.faults.small_disk import NEEDS_ROOT, small_disk
from tests.integration.carried import PARENT, STAGE, carried_project
from tests.project_kit import ROOT, Kit
from tests.second_engine import second_engine, why_no_second_engine

pytestmark = [pytest.mark.engine, pytest.mark.images, pytest.mark.alone]

MOUNTS = (
    "--mount=type=bind,source=.site,target=/run/site "
    "--mount=type=bind,source=steps,target=/run/steps "
    "--mount=type=bind,source=requirements.lock,target=/run/requirements.lock"
)
EPOCH = "1700000000"
DOCKERFILE = f"""\
# A small Debian package, and a small wheel.
ARG DEBIAN=debian:bookworm-slim
FROM ${{DEBIAN}}
RUN {MOUNTS} /run/steps/apt-install python3 hello && /run/steps/pip-install /run/requirements.lock
RUN ls /sys/class/net > /interfaces
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, engine: DockerEngine) -> Iterator[Kit]:
    folder = tmp_path_factory.mktemp("collected") / "project"
    with carried_project(folder, engine, DOCKERFILE) as kit:
        shutil.copy(ROOT / "images/text/requirements.lock", folder / "images" / PARENT)
        yield kit


@pytest.fixture(scope="module")
def collected(project: Kit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection") / "files"
    done = project.run("images", "collect", folder, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def copy(collected: Path, tmp_path: Path) -> Path:
    """The collection, to be spoilt."""
    return shutil.copytree(collected, tmp_path / "copy")


def test_a_build_from_a_collection_has_no_network_and_gets_its_packages(
    project: Kit, collected: Path, engine: DockerEngine
) -> None:
    done = project.run("build", "--force", "--offline", collected, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    inside = take_inventory(engine, image_name(STAGE), made_by="")
    assert "hello" in inside.versions("debian")
    assert inside.versions("python")["pysubs2"] == "1.8.1"
    container = engine.api.create_container(parent_image(PARENT), command=["true"])["Id"]
    try:
        chunks, _ = engine.api.get_archive(container, "/interfaces")
        assert b"eth" not in b"".join(chunks), "the build must not have had a network"
    finally:
        engine.api.remove_container(container)


def test_a_collection_leaves_no_image_and_holds_no_password_or_mirror(
    collected: Path, engine: DockerEngine
) -> None:
    assert not [name for name in image_names(engine) if name.startswith("stagerun/collected")]
    assert not [image for image in replaced_images(engine) if image.name == "collected"]
    assert {path.name for path in collected.iterdir()} == {
        "collection.json", "debian.tar", "debs", "wheels",
    }  # fmt: skip
    assert "://" not in (collected / "collection.json").read_text()


def image_names(engine: DockerEngine) -> list[str]:
    return [name for image in engine.api.images() for name in image["RepoTags"] or ()]


def test_sources_that_changed_since_are_refused_before_anything_is_built(
    project: Kit, collected: Path
) -> None:
    path = project.root / "images" / PARENT / "Dockerfile"
    before = path.read_text()
    path.write_text(before + "RUN true\n")
    done = project.run("build", "--offline", collected)
    path.write_text(before)
    assert done.returncode == 5
    assert f"{parent_image(PARENT)} cannot be built from " in done.stderr
    assert "which was made for other sources of it" in done.stderr


def test_a_changed_package_is_found_before_anything_is_built(project: Kit, copy: Path) -> None:
    next((copy / "debs").glob("hello_*.deb")).write_bytes(b"something else")
    done = project.run("build", "--force", "--offline", copy)
    assert done.returncode == 5
    assert "hello_" in done.stderr
    assert "is not the file that was written: it has 14 B" in done.stderr


def test_a_folder_that_is_no_collection_names_the_command_that_makes_one(
    project: Kit, tmp_path: Path
) -> None:
    done = project.run("build", "--offline", tmp_path / "nothing")
    assert done.returncode == 2
    assert "collection.json is not in it. stagerun images collect DIR makes such" in done.stderr
    (tmp_path / "collection.json").write_text(json.dumps({"debian": 1}))
    assert "is not as stagerun writes it" in project.run("build", "--offline", tmp_path).stderr


def test_a_network_that_fails_in_the_middle_shows_the_last_lines_and_leaves_no_collection(
    project: Kit, engine: DockerEngine, tmp_path: Path
) -> None:
    loaded = load_project(project.root)
    nowhere = AptSource(
        uris=("http://127.0.0.1:1/debian",), suites=("bookworm",), components=("main",)
    )
    recipe = Recipes(loaded).stage(loaded.stages[STAGE])
    with pytest.raises(BuildError, match=r"(?s)Its last lines:.*127\.0\.0\.1.*The same command"):
        collect(
            loaded, engine, [recipe], tmp_path / "files", lambda _: None,
            site=Site(sources=(nowhere,), apt_options={"Acquire::Retries": "0"}),
        )  # fmt: skip
    assert list((tmp_path / "files").iterdir()) == []


@pytest.mark.docker
@pytest.mark.root
@pytest.mark.skipif(why_no_second_engine() is not None, reason=str(why_no_second_engine()))
def test_an_engine_that_has_no_network_and_no_image_at_all_builds_from_a_collection(
    project: Kit, collected: Path
) -> None:
    with second_engine(hook=False) as engine:
        done = project.run("build", "--offline", collected, timeout=600, DOCKER_HOST=engine.address)
        assert done.returncode == 0, done.stdout + done.stderr
        done = project.run("images", "inventory", "--json", DOCKER_HOST=engine.address)
        (image,) = json.loads(done.stdout)["images"]
        assert {"hello", "pysubs2"} <= {package["name"] for package in image["packages"]}


def test_with_a_fixed_time_a_second_build_writes_the_same_files(
    project: Kit, collected: Path, engine: DockerEngine
) -> None:
    found = []
    for _ in range(2):
        done = project.run(
            "build", "--force", "--offline", collected, timeout=600, SOURCE_DATE_EPOCH=EPOCH
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found.append(files_of_layers(engine, image_name(STAGE)))
    first, second = found
    own = [name for layer in first[1:] for name in layer]
    assert any(name.endswith(".pyc") and "pysubs2" in name for name in own)
    assert "usr/bin/hello" in own
    assert [sorted(layer) for layer in first] == [sorted(layer) for layer in second]
    for one, other in zip(first, second, strict=True):
        assert {name: facts for name, facts in one.items() if other[name] != facts} == {}


def test_a_second_build_from_a_collection_is_as_the_first_one_was_locked(
    project: Kit, collected: Path
) -> None:
    project.run("build", "--offline", collected, timeout=600)
    assert project.run("images", "lock").returncode == 0
    wheels = json.loads((project.root / "images.lock").read_text())["images"]
    assert list(wheels[parent_image(PARENT)]["wheels"]) == ["pysubs2==1.8.1"]
    done = project.run("build", "--force", "--locked", "--offline", collected, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def files_of_layers(engine: DockerEngine, image: str) -> list[dict[str, tuple[object, ...]]]:
    """Of each layer its files and links; the builder gives folders and removals the time of day."""
    archive = io.BytesIO(b"".join(engine.api.get_image(image)))
    layers = []
    with tarfile.open(fileobj=archive) as saved:
        (manifest,) = json.load(saved.extractfile("manifest.json") or io.BytesIO())
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=saved.extractfile(name)) as layer:
                layers.append(
                    {item.name: _facts(layer, item) for item in layer if not _is_builders(item)}
                )
    return layers


def _is_builders(item: tarfile.TarInfo) -> bool:
    """Whether its time is the builder's: Podman's also leaves what it mounts into every step."""
    mounted = item.name in ("etc/hostname", "etc/hosts", "etc/resolv.conf")
    removed = Path(item.name).name.startswith(".wh.")
    return item.isdir() or removed or mounted or item.name == "interfaces"


def _facts(layer: tarfile.TarFile, item: tarfile.TarInfo) -> tuple[object, ...]:
    content = layer.extractfile(item) if item.isreg() else None
    digest = hashlib.sha256(content.read()).hexdigest() if content else ""
    return item.mode, item.mtime, item.type, item.linkname, digest


@pytest.mark.root
@NEEDS_ROOT
def test_a_full_disk_leaves_no_collection_and_nothing_in_its_place(
    project: Kit, tmp_path: Path
) -> None:
    with small_disk(tmp_path, "20M"):
        done = project.run("images", "collect", tmp_path / "files", timeout=300)
        assert done.returncode == 9, done.stdout + done.stderr
        assert "there is no space left for" in done.stderr
        assert list((tmp_path / "files").iterdir()) == []
