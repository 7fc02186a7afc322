"""What this user's runs learnt of stages on this machine, one small file for each thing.

It spares later runs a detour and is right or wrong like any forecast: a file that is gone or cannot
be read is learnt anew, and one that cannot be written is not learnt.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from runner.home import home_folder
from runner.job.own_file import open_regular

SCHEMA_VERSION: Final = 1
LARGEST: Final = 1 << 16


def usual_folder() -> Path:
    """Where programs keep what they find out by themselves, by the XDG base directories."""
    base = os.environ.get("XDG_STATE_HOME") or home_folder() / ".local/state"
    return Path(base) / "stagerun"


def recall(folder: Path, kind: str, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is known under this key; None where nothing is."""
    with contextlib.suppress(OSError, ValueError, AttributeError, RecursionError):
        with os.fdopen(open_regular(_path(folder, kind, key), os.O_RDONLY), "rb") as file:
            content = json.loads(file.read(LARGEST))
        if content.get("schema_version") == SCHEMA_VERSION and content.get("key") == _plain(key):
            known = content["known"]
            return known if isinstance(known, dict) else None
    return None


def note(folder: Path, kind: str, key: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Keep it under this key, in place of what was there; returns whether that was possible."""
    path = _path(folder, kind, key)
    text = json.dumps({"schema_version": SCHEMA_VERSION, "key": key, "known": known}, indent=1)
    fresh = path.with_name(f".{path.name}-{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        return False
    return True


def _path(folder: Path, kind: str, key: Mapping[str, Any]) -> Path:
    digest = hashlib.sha256(json.dumps(_plain(key), sort_keys=True).encode()).hexdigest()
    return folder / kind / f"{digest[:32]}.json"


def _plain(key: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(key))
