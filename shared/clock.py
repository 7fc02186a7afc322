"""Times as the manifest and the logs write them: ISO 8601, UTC, milliseconds."""

from __future__ import annotations

import time
from datetime import datetime, timezone


def utc_text(seconds: float | None = None) -> str:
    """A time since the epoch, in seconds, as ``2026-11-21T09:14:03.123Z``; now if none is given."""
    moment = datetime.fromtimestamp(time.time() if seconds is None else seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_stamp() -> str:
    """Now, as a part of a file name: ``20261121T091403Z``."""
    return datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
