"""What the journal keeps of a request; ``runner.run.intent`` makes one of it again."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runner.run.request import Request


def secret_marks(secrets: Mapping[str, Path]) -> dict[str, list[int]]:
    """What tells a secret's file from another or a later one, and nothing of what is in it."""
    found = {name: path.stat() for name, path in secrets.items()}
    return {
        name: [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        for name, status in found.items()
    }


def kept_request(request: Request) -> dict[str, Any]:
    """The request as plain data."""
    limits = request.limits
    return {
        "variant": request.variant,
        "image_name": request.image.name,
        "config": {key: asdict(value) for key, value in request.config.items()},
        "inputs": [asdict(file) for file in request.inputs],
        "limits": {"values": asdict(limits.values), "sources": dict(limits.sources)},
        "grant": asdict(request.grant),
        "gpu": None if request.gpu is None else asdict(request.gpu),
        "models": {
            name: {**asdict(model), "folder": str(model.folder)}
            for name, model in request.models.items()
        },
        "secrets": secret_marks(request.secrets),
        "has_proxies": bool(request.site.proxies),
        "components": dict(request.components),
        "notices": list(request.notices),
        "skipped": list(request.skipped),
        "dev": request.options.dev,
        "attempt": asdict(request.options.attempt),
    }
