"""Where the base image comes from: a registry's Debian, or one made on this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from runner.errors import BuildError, StagerunError
from runner.host.bootstrap import bootstrap
from runner.host.engine import DockerEngine
from runner.host.engine_errors import translated
from runner.host.recipe import KIND, NAME
from runner.host.site import Site
from runner.project.document import cache_folder

RELEASE: Final = "bookworm"
REGISTRY_IMAGE: Final = f"debian:{RELEASE}-slim"
BOOTSTRAP_IMAGE: Final = f"stagerun/bootstrap:{RELEASE}"
DEBIAN: Final = "org.stagerun.debian"
"""The label that says what a base was made from."""

SILENCE_SECONDS: Final = 15
"""How long a registry may say nothing before it counts as unreachable."""


def get_debian(
    engine: DockerEngine,
    base: str,
    site: Site,
    *,
    fresh: bool = False,
    cache: Path | None = None,
    on_line: Callable[[str], None],
) -> str:
    """The name of the Debian image to build on, which is there afterwards.

    ``base`` is ``registry``, ``bootstrap``, or ``auto``: what is here already, else the registry,
    else the bootstrap. ``fresh`` takes nothing that is here already. Raises BuildError.
    """
    here = () if fresh else _here(engine)
    if base != "bootstrap" and REGISTRY_IMAGE in here:
        return REGISTRY_IMAGE
    if base != "registry" and BOOTSTRAP_IMAGE in here:
        return BOOTSTRAP_IMAGE
    if base != "bootstrap":
        problem = pull(engine, REGISTRY_IMAGE)
        if problem is None:
            return REGISTRY_IMAGE
        if base == "registry":
            msg = (
                f"{REGISTRY_IMAGE} cannot be fetched: {problem}. Without a registry, leave base: "
                "auto in stagerun.yaml, which makes the base from this machine's package sources."
            )
            raise BuildError(msg)
        on_line(f"no registry ({problem}); making Debian {RELEASE} from the package sources here")
    bootstrap(
        engine.api,
        BOOTSTRAP_IMAGE,
        RELEASE,
        site=site,
        cache=cache_folder() if cache is None else cache,
        labels={KIND: "bootstrap", NAME: RELEASE},
        on_line=on_line,
    )
    return BOOTSTRAP_IMAGE


def _here(engine: DockerEngine) -> tuple[str, ...]:
    names = (REGISTRY_IMAGE, BOOTSTRAP_IMAGE)
    return tuple(name for name in names if engine.image(name) is not None)


def pull(engine: DockerEngine, image: str) -> str | None:
    """Fetch an image; None when that worked, else why not."""
    repository, _, tag = image.rpartition(":")
    raw: Any = engine.api  # the SDK's public call waits for ever
    try:
        with translated(engine.address):
            response = raw._post(
                raw._url("/images/create"),
                params={"fromImage": repository, "tag": tag},
                stream=True,
                timeout=SILENCE_SECONDS,
            )
            messages = list(raw._stream_helper(response, decode=True))
    except StagerunError as problem:
        return str(problem).rstrip(".")
    errors = [str(message["error"]) for message in messages if "error" in message]
    return errors[-1] if errors else None
