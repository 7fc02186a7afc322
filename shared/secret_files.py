"""Secrets: files that only a stage which lists them can see, and that no log may repeat."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Optional, Sequence

from shared.errors import SecretMissingError

FOLDER_VARIABLE: Final = "STAGERUN_SECRETS"
SHORTEST_CONCEALED: Final = 6

_read: set[str] = set()


def secrets_folder() -> Path:
    """Where the secrets lie: ``/run/secrets``, or what ``STAGERUN_SECRETS`` says."""
    return Path(os.environ.get(FOLDER_VARIABLE) or "/run/secrets")


def read_secret(name: str, listed: Optional[Sequence[str]]) -> str:
    """The text of one secret, without the line end; ``listed`` None means that no spec is known.

    Raises SecretMissingError when the stage does not list it, or when it was not handed in.
    """
    if listed is not None and name not in listed:
        known = ", ".join(listed) or "none"
        message = (
            f"The secret {name!r} is not listed by this stage (listed: {known}). "
            f"Add it under `secrets:` in stage.yaml."
        )
        raise SecretMissingError(message)
    path = secrets_folder() / name
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretMissingError(_refusal(name, path, str(error))) from None
    if not text:
        raise SecretMissingError(_refusal(name, path, "the file is empty"))
    if len(text) >= SHORTEST_CONCEALED:
        _read.add(text)
    return text


def _refusal(name: str, path: Path, problem: str) -> str:
    return (
        f"The secret {name!r} cannot be read from {path}: {problem}. "
        f"Name its file under `secrets:` in stagerun.yaml, or set {FOLDER_VARIABLE} to a "
        f"folder that holds it."
    )


def conceal(text: str) -> str:
    """The text with every secret that was read so far replaced by ``***``."""
    for secret in _read:
        text = text.replace(secret, "***")
    return text
