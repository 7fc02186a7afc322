"""Removing what BuildKit keeps of an uploaded context, because a site's passwords were in it.

The layers' own cache stays: it is found by content digests, not by the uploaded files.
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from runner.host.engine_errors import translated

if TYPE_CHECKING:
    import docker

UPLOADED: Final = "http url http://build-context-"
"""How BuildKit describes the tar that it was sent; the address is used once and never again."""

UNPACKED: Final = "fileop target"
"""How it describes files that were copied; without a parent, they are an unpacked context."""


def forget_contexts(api: "docker.APIClient", since: datetime) -> None:
    """Remove the records of contexts that builds have used since then and that are not in use.

    The engine keeps one record for contexts of the same content, so ours may be an older one.
    """
    raw: Any = api  # the SDK's prune_builds() cannot name a record
    with translated(str(api.base_url)):
        records: list[dict[str, Any]] = api.df().get("BuildCache") or []
        for record in records:
            if _is_context(record) and not record.get("InUse") and _last_used(record) >= since:
                response = raw._post(
                    raw._url("/build/prune"),
                    params={"all": "1", "filters": json.dumps({"id": [record["ID"]]})},
                )
                raw._raise_for_status(response)


def _is_context(record: dict[str, Any]) -> bool:
    text = str(record.get("Description", ""))
    return text.startswith(UPLOADED) or (text == UNPACKED and not record.get("Parent"))


def _last_used(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record.get("LastUsedAt") or record["CreatedAt"])
