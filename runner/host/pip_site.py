"""How pip is set up on this machine, and pip itself, for the build steps that install wheels."""

import configparser
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runner.errors import BuildError
from runner.host.build_context import SITE_FOLDER, ContextFile, folder_files

KEYS: Final = (
    "index-url",
    "extra-index-url",
    "find-links",
    "trusted-host",
    "no-index",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
)


def pip_settings(variables: Mapping[str, str], root: Path, home: Path) -> dict[str, str]:
    """Where pip finds its index, as ``PIP_…`` variables; the environment is stronger than files.

    Folders of this machine are left out: a build cannot see them.
    """
    files = [root / "etc/pip.conf", home / ".pip/pip.conf", home / ".config/pip/pip.conf"]
    if named := variables.get("PIP_CONFIG_FILE"):
        files.append(Path(named))
    parser = configparser.RawConfigParser(strict=False)
    parser.read([path for path in files if path.is_file()])
    found = {}
    for key in KEYS:
        name = f"PIP_{key.upper().replace('-', '_')}"
        stated = [parser.get(part, key, fallback="") for part in ("install", "global")]
        words = next(filter(None, [variables.get(name, ""), *stated]), "").split()
        if key in ("find-links", "index-url", "extra-index-url"):
            words = [word for word in words if "://" in word and not word.startswith("file:")]
        if words:
            found[name] = " ".join(words)
    return found


def pip_files() -> tuple[ContextFile, ...]:
    """pip as this Python has it, for the ``.site`` folder.

    Raises BuildError where there is none.
    """
    found = importlib.util.find_spec("pip")
    for place in (found.submodule_search_locations or ()) if found else ():
        return folder_files(Path(place), f"{SITE_FOLDER}/pip/pip")
    msg = (
        "stagerun's own Python has no pip, and a build needs it to install locked wheels. "
        "Install it there: python3 -m ensurepip --upgrade"
    )
    raise BuildError(msg)
