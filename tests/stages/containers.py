"""Runs stages, and whatever else needs ffmpeg, in the project's parent images, without the runner.

The stages' code comes from the working tree, so that these tests never judge an older image.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import docker
from docker.types import Mount

from runner.project.stage import StageSpec, baked_spec, load_stage

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
        """Whether the parents of all stages are built."""
        built = {tag for image in self._client.images.list() for tag in image.tags}
        return {_image(spec.parents["main"]) for spec in self._specs.values()} <= built

    def run(self, stage: str, job: Path, **config: str) -> Ended:
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
        environment = {"OUTPUT_DIR": "/job", "PYTHONPATH": "/app", "HOME": "/tmp", **config}
        code, output = self._run(spec, ["python3", f"/app/{stage}/stage.py"], mounts, environment)
        manifest = json.loads((folder / "manifest.json").read_text())
        return Ended(code, output, manifest, folder)

    def in_ffmpeg_image(self, command: list[str], folder: Path) -> str:
        """Runs a command where ffmpeg is, with the folder at /films; returns its output."""
        spec = next(spec for spec in self._specs.values() if spec.parents["main"] == FFMPEG)
        mounts = [_mount(folder, "/films", writable=True)]
        mounts += [_mount(ROOT / "tests/media", "/media"), _mount(ROOT / "demo", "/demo")]
        code, output = self._run(spec, command, mounts, {"HOME": "/tmp"})
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
        command: list[str],
        mounts: list[Mount],
        environment: dict[str, str],
    ) -> tuple[int, str]:
        container = self._client.containers.create(
            _image(spec.parents["main"]),
            command,
            mounts=mounts,
            environment=environment,
            labels={LABEL: ""},
            user=f"{os.getuid()}:{os.getgid()}",
            read_only=True,
            tmpfs={"/tmp": f"size={spec.resources.tmp},mode=1777"},
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            init=True,
            mem_limit=spec.resources.memory,
            memswap_limit=spec.resources.memory,
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


def _image(parent: str) -> str:
    return f"stagerun/parent-{parent}:current"


def _mount(source: Path, target: str, *, writable: bool = False) -> Mount:
    return Mount(target, str(source), type="bind", read_only=not writable)
