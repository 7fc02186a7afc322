"""Runs stages, and whatever else needs ffmpeg, in the project's parent images, without the runner.

The stages' code comes from the working tree, so that these tests never judge an older image.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import docker
from docker.errors import ImageNotFound
from docker.types import Mount

from runner.project.baked_spec import baked_spec
from runner.project.stage import Parent, StageSpec, load_stage

ROOT: Final = Path(__file__).resolve().parents[2]
LABEL: Final = "org.stagerun.test.stages"
FFMPEG: Final = "ffmpeg"


@dataclass(frozen=True)
class Ended:
    """How a container ended; `manifest` is empty for anything but a stage."""

    exit_code: int
    output: str
    manifest: dict[str, Any]
    folder: Path

    @property
    def errors(self) -> str:
        """What the manifest gives as the cause."""
        return "\n".join(error["message"] for error in self.manifest["errors"])

    @property
    def warnings(self) -> str:
        """What the manifest warns of."""
        return "\n".join(self.manifest["warnings"])


@dataclass(frozen=True)
class Setup:
    """What a run gets beside its job: a variant (else the first), the folder for /models, …"""

    variant: str = ""
    models: Path | None = None
    network: str = "none"
    secrets: Mapping[str, Path] = field(default_factory=dict)


PLAIN: Final = Setup()


class Stages:
    """The project's stages, laid out under `app` as in an image, and the images to run them in."""

    def __init__(self, client: docker.DockerClient, app: Path) -> None:
        self._client = client
        self._app = app
        self._specs = {path.parent.name: load_stage(path.parent) for path in _spec_files()}
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "shared", app / "shared", ignore=ignored)
        for spec in self._specs.values():
            shutil.copytree(spec.folder, app / spec.id, ignore=ignored)
            baked = json.dumps(baked_spec(spec, tuple(self._specs)))
            (app / spec.id / "spec.json").write_text(baked)

    def has_images(self) -> bool:
        """Whether the project's parent images are built."""
        try:
            self._client.images.get(_image(FFMPEG))
        except ImageNotFound:
            return False
        return True

    def run(self, stage: str, job: Path, setup: Setup = PLAIN, /, **config: str) -> Ended:
        """Runs the stage on the job as `docker run` by hand would, under the limits of its spec."""
        spec, folder = self._specs[stage], job / stage
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (job / "logs").mkdir(exist_ok=True)
        mounts = [
            _mount(self._app, "/app"),
            _mount(job, "/job"),
            _mount(folder, f"/job/{stage}", writable=True),
            _mount(job / "logs", "/job/logs", writable=True),
        ]
        if setup.models is not None:
            mounts.append(_mount(setup.models, "/models"))
        mounts += [_mount(file, f"/run/secrets/{name}") for name, file in setup.secrets.items()]
        variant = setup.variant or next(iter(spec.parents))
        environment = {"OUTPUT_DIR": "/job", "PYTHONPATH": "/app", "HOME": "/tmp", **config}
        environment["STAGERUN_VARIANT"] = variant
        command = ["python3", f"/app/{stage}/stage.py"]
        code, output = self._run(
            spec, spec.parents[variant], command, mounts, environment, network=setup.network
        )
        manifest = json.loads((folder / "manifest.json").read_text())
        return Ended(code, output, manifest, folder)

    def in_ffmpeg_image(self, command: list[str], folder: Path) -> str:
        """Runs a command where ffmpeg is, with the folder at /films; returns its output."""
        spec = next(spec for spec in self._specs.values() if _first(spec) == FFMPEG)
        mounts = [_mount(folder, "/films", writable=True)]
        mounts += [_mount(ROOT / "tests/media", "/media"), _mount(ROOT / "demo", "/demo")]
        parent = next(iter(spec.parents.values()))
        code, output = self._run(spec, parent, command, mounts, {"HOME": "/tmp"})
        assert code == 0, output
        return output

    def probe(self, film: Path) -> dict[str, Any]:
        """All that ffprobe knows of a film."""
        command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams"]
        command += ["-show_chapters", f"file:/films/{film.name}"]
        found: dict[str, Any] = json.loads(self.in_ffmpeg_image(command, film.parent))
        return found

    def _run(
        self,
        spec: StageSpec,
        parent: Parent,
        command: list[str],
        mounts: list[Mount],
        environment: dict[str, str],
        *,
        network: str = "none",
    ) -> tuple[int, str]:
        memory = parent.resources.memory or spec.resources.memory
        container = self._client.containers.create(
            _image(parent.image),
            command,
            mounts=mounts,
            environment=environment,
            labels={LABEL: ""},
            user=f"{os.getuid()}:{os.getgid()}",
            read_only=True,
            tmpfs={"/tmp": f"size={spec.resources.tmp},mode=1777"},
            network_mode=network,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            init=True,
            mem_limit=memory,
            memswap_limit=memory,
            pids_limit=spec.resources.pids,
        )
        try:
            container.start()
            code = int(container.wait()["StatusCode"])
            return code, container.logs().decode("utf-8", "replace")
        finally:
            container.remove(force=True, v=True)


def new_job(folder: Path, media: Path) -> Path:
    """A job directory with a copy of the film as its input."""
    (folder / "input").mkdir(parents=True)
    shutil.copyfile(media, folder / "input" / media.name)
    return folder


def _spec_files() -> list[Path]:
    return sorted((ROOT / "stages").glob("*/stage.yaml"))


def _first(spec: StageSpec) -> str:
    return next(iter(spec.parents.values())).image


def _image(parent: str) -> str:
    return f"stagerun/parent-{parent}:current"


def _mount(source: Path, target: str, *, writable: bool = False) -> Mount:
    return Mount(target, str(source), type="bind", read_only=not writable)
