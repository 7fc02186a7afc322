"""Reading the manifest that a stage left: bytes of a stranger, and no more of them than fit.

What is read is bounded twice, by bytes and by values: a value costs many times the bytes that it
takes in the file.
"""

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.project.quantity import size_text
from runner.run.findings import shown

if TYPE_CHECKING:
    from pydantic import ValidationError

    from runner.stage_document import StageManifest

MANIFEST_LIMIT: Final = 4 << 20
VALUES_LIMIT: Final = 200_000
NO_NUMBERS: Final = (b"NaN", b"Infinity")
OPENERS: Final = (b",", b"{", b"[")
"""Each value of a document follows one of them, or a colon behind a key that does."""

TEXT: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def read_manifest(path: Path) -> "tuple[StageManifest | None, str | None]":
    """The manifest, or why there is none: absent, a link, too large, no JSON, not the schema."""
    from pydantic import ValidationError

    from runner.stage_document import StageManifest

    data, problem = _read_untrusted(path)
    if data is None:
        return None, problem
    try:
        _refuse_no_numbers(data)
        return StageManifest.model_validate_json(data), None
    except ValidationError as invalid:
        return None, _schema_problem(invalid)
    except ValueError as invalid:
        return None, f"manifest.json is not whole JSON ({shown(str(invalid))})"


def _refuse_no_numbers(data: bytes) -> None:
    """Raises ValueError for NaN and Infinity, which JSON does not have and pydantic takes."""
    if any(word in data for word in NO_NUMBERS):
        from pydantic_core import from_json

        from_json(data, allow_inf_nan=False)


def _read_untrusted(path: Path) -> tuple[bytes | None, str | None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None, "there is no manifest.json"
    except OSError as problem:
        kind = "is a symbolic link" if path.is_symlink() else f"cannot be read: {problem.strerror}"
        return None, f"manifest.json {kind}"
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return None, "manifest.json is not a regular file"
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > MANIFEST_LIMIT:
            size, limit = size_text(status.st_size), size_text(MANIFEST_LIMIT)
            return None, f"manifest.json is {size} large; at most {limit} are read"
        data = file.read(MANIFEST_LIMIT)
    if (values := _values(data)) > VALUES_LIMIT:
        return None, f"manifest.json has about {values} values; at most {VALUES_LIMIT} are read"
    return data, None


def _values(data: bytes) -> int:
    """About how many values there are; texts are looked into only where it matters."""
    count = sum(map(data.count, OPENERS))
    return count if count <= VALUES_LIMIT else sum(map(TEXT.sub(b"", data).count, OPENERS))


def _schema_problem(problem: "ValidationError") -> str:
    details = problem.errors(include_input=False, include_url=False, include_context=False)
    if details[0]["type"] == "json_invalid":
        return f"manifest.json is not whole JSON ({shown(details[0]['msg'])})"
    first = shown(".".join(map(str, details[0]["loc"])))
    more = f", and {len(details) - 1} more" if len(details) > 1 else ""
    return f"manifest.json does not fit the schema: {first}: {shown(details[0]['msg'])}{more}"
