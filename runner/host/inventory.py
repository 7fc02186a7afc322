"""What is inside an image: its Debian packages and Python distributions, read by the image itself.

A container without network, and without anything of this machine, prints them.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from runner.errors import ImageMismatchError, ImageMissingError
from runner.host.container import STDERR, STDOUT, ContainerSpec
from runner.host.engine import Engine

SCRIPT: Final = Path(__file__).with_name("packages_inside.py")
Kind = Literal["debian", "python"]
NOBODY: Final = 65534
MIB: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package of an image; the licence is empty where it is not stated."""

    kind: Kind
    name: str
    version: str
    license: str


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """All packages of one image."""

    image: str
    digest: str
    packages: tuple[Package, ...]

    def versions(self, kind: Kind) -> dict[str, str]:
        """The version of each package of a kind."""
        return {item.name: item.version for item in self.packages if item.kind == kind}


def take_inventory(engine: Engine, image: str, *, made_by: str) -> Inventory:
    """The packages of an image; ``made_by`` is the command that makes it.

    Raises ImageMissingError, or ImageMismatchError for an image that cannot tell.
    """
    found = engine.image(image)
    if found is None:
        msg = f"there is no image {image}. Make it: {made_by}"
        raise ImageMissingError(msg)
    code, output, errors = _run(engine, _container(engine, found.digest))
    try:
        packages = tuple(Package(**item) for item in json.loads(output))
    except (ValueError, TypeError):
        last = (errors.strip().splitlines() or [f"it ended with exit code {code}"])[-1]
        msg = f"the packages of {image} cannot be read: its Python 3 has to print them. {last}"
        raise ImageMismatchError(msg) from None
    return Inventory(image=image, digest=found.digest, packages=packages)


def _container(engine: Engine, digest: str) -> ContainerSpec:
    return ContainerSpec(
        name=f"stagerun-inventory-{os.urandom(6).hex()}",
        image=digest,
        user=engine.user(NOBODY, NOBODY),
        mounts=(),
        environment={},
        labels={},
        memory=256 * MIB,
        cpus=1,
        pids=64,
        tmp=MIB,
        shm=MIB,
        command=("python3", "-I", "-B", "-c", SCRIPT.read_text()),
    )


def _run(engine: Engine, spec: ContainerSpec) -> tuple[int, str, str]:
    output = {STDOUT: bytearray(), STDERR: bytearray()}
    with engine.container(spec) as container:
        container.start()
        code = container.wait()
        for stream, content in container.kept_output(follow=False):
            output[stream] += content
    return code, output[STDOUT].decode(errors="replace"), output[STDERR].decode(errors="replace")
