"""The YAML files that people write: read with positions, validated, and remembered.

Scalars stay strings (``no`` is a language, ``1:30`` a time); the schema gives them types. What was
validated once is kept in the user's cache folder under the digests of its text and of the schemas'
sources, and the version, so that a later start needs neither the YAML parser nor pydantic.
"""

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.errors import UsageError
from runner.home import home_folder
from runner.suggestion import closest
from runner.version import VERSION

if TYPE_CHECKING:
    import yaml
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

MOST_VALUES: Final = 10_000
Position = tuple[int, int]
Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Document:
    """A validated file: plain data, and the line and column (from 1) of every key in it."""

    path: Path
    data: dict[str, Any]
    positions: dict[str, Position]

    def where(self, *place: str) -> str:
        """``job.yaml line 7`` for a key, or the file's name alone."""
        position = self.positions.get("/".join(place))
        return f"{self.path.name} line {position[0]}" if position else self.path.name


def load_document(
    path: Path,
    schema: Callable[[], "type[BaseModel]"],
    error: type[UsageError],
    *,
    kind: str,
    absent_is_empty: bool = False,
) -> Document:
    """Read and validate one file; ``schema`` is called only when the text is a new one.

    Raises ``error`` with file, line and column for anything that is wrong with it.
    """
    text = _read(path, error, absent_is_empty=absent_is_empty)
    known = _cache_file(kind, text)
    with contextlib.suppress(OSError, ValueError, KeyError):
        kept = json.loads(known.read_bytes())
        positions = {key: (line, column) for key, (line, column) in kept["positions"].items()}
        return Document(path=path, data=kept["data"], positions=positions)
    document = _validate(path, text, schema(), error)
    _remember(known, document)
    return document


def _read(path: Path, error: type[UsageError], *, absent_is_empty: bool) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if absent_is_empty:
            return ""
        msg = f"{path} is not there."
        raise error(msg) from None
    except UnicodeDecodeError as problem:
        msg = f"{path} is not UTF-8 text (byte {problem.start}): save it as UTF-8."
        raise error(msg) from None
    except OSError as problem:
        msg = f"{path} cannot be read: {problem.strerror}."
        raise error(msg) from None


def cache_folder() -> Path:
    """The user's cache folder for stagerun (XDG)."""
    base = os.environ.get("XDG_CACHE_HOME") or home_folder() / ".cache"
    return Path(base) / "stagerun"


@functools.cache
def schema_digest(folder: Path = Path(__file__).parent) -> str:
    """The digest of the sources that say what a document is, and how it is kept."""
    sources = [*sorted(folder.glob("*schema.py")), folder / "document.py"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _cache_file(kind: str, text: str) -> Path:
    key = hashlib.sha256(f"{VERSION} {schema_digest()} {kind}\n{text}".encode()).hexdigest()
    return cache_folder() / "documents" / f"{key}.json"


def _remember(known: Path, document: Document) -> None:
    import tempfile

    # A cache that cannot be written costs time on the next start, nothing else.
    with contextlib.suppress(OSError):
        known.parent.mkdir(parents=True, exist_ok=True)
        kept = {"data": document.data, "positions": document.positions}
        with tempfile.NamedTemporaryFile("w", dir=known.parent, delete=False) as file:
            json.dump(kept, file)
        Path(file.name).replace(known)


def _validate(
    path: Path, text: str, schema: "type[BaseModel]", error: type[UsageError]
) -> Document:
    import yaml
    from pydantic import ValidationError

    positions: dict[str, Position] = {}
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = {} if root is None else _plain(root, (), positions, path, error)
    except RecursionError:
        msg = f"{path}: it is nested too deep, or an alias in it leads back to itself."
        raise error(msg) from None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        message = f"{place}: this is not YAML: {problem.problem or problem.context}."
        raise error(message) from None
    except yaml.YAMLError as problem:
        msg = f"{path}: this is not YAML: {problem}."
        raise error(msg) from None
    if not isinstance(data, dict):
        msg = f"{path}, line 1: the file must hold keys and values, not {type(data).__name__}."
        raise error(msg)
    try:
        model = schema.model_validate(data)
    except ValidationError as problem:
        raise error(_explain(path, problem, positions, schema)) from None
    return Document(
        path=path, data=model.model_dump(mode="json", by_alias=True), positions=positions
    )


def _plain(
    node: "yaml.Node",
    place: Place,
    positions: dict[str, Position],
    path: Path,
    error: type[UsageError],
) -> Any:
    import yaml

    if len(positions) > MOST_VALUES:
        message = f"{path}: it holds more than {MOST_VALUES} values; aliases (*) multiply them."
        raise error(message)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            mark = key_node.start_mark
            if key in found:
                message = f"{path}, line {mark.line + 1}: the key {key!r} is there twice; keep one."
                raise error(message)
            positions["/".join(map(str, (*place, key)))] = (mark.line + 1, mark.column + 1)
            found[key] = _plain(value_node, (*place, key), positions, path, error)
        return found
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            mark = item.start_mark
            positions["/".join(map(str, (*place, index)))] = (mark.line + 1, mark.column + 1)
        return [
            _plain(item, (*place, index), positions, path, error)
            for index, item in enumerate(node.value)
        ]
    is_null = node.tag == "tag:yaml.org,2002:null"
    return None if is_null else str(node.value)


def _explain(
    path: Path,
    problem: "ValidationError",
    positions: dict[str, Position],
    schema: "type[BaseModel]",
) -> str:
    lines = [_explain_one(path, detail, positions, schema) for detail in problem.errors()]
    return "\n".join(dict.fromkeys(lines))


def _explain_one(
    path: Path,
    detail: "ErrorDetails",
    positions: dict[str, Position],
    schema: "type[BaseModel]",
) -> str:
    place = tuple(str(part) for part in detail["loc"])
    position = next(
        (
            positions[key]
            for cut in range(len(place), 0, -1)
            if (key := "/".join(place[:cut])) in positions
        ),
        (1, 1),
    )
    name = ".".join(place)
    text = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        text = f"there is no key {place[-1]!r} here" + _suggestion(place, schema)
    elif detail["type"] == "missing":
        text = f"the key {name!r} is missing"
    else:
        text = f"{name}: {text}"
    end = "" if text.endswith("?") else "."
    return f"{path}, line {position[0]}, column {position[1]}: {text}{end}"


def _suggestion(place: tuple[str, ...], schema: "type[BaseModel]") -> str:
    allowed = _allowed_keys(place[:-1], schema.model_json_schema(by_alias=True))
    if close := closest(place[-1], allowed):
        return f"; did you mean {close!r}?"
    return f"; there are {', '.join(sorted(allowed))}" if allowed else ""


def _allowed_keys(place: tuple[str, ...], json_schema: dict[str, Any]) -> list[str]:
    definitions = json_schema.get("$defs", {})

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        for candidate in (node, *node.get("anyOf", ()), *node.get("allOf", ())):
            if "$ref" in candidate:
                return dict(definitions[candidate["$ref"].rsplit("/", 1)[1]])
        return node

    node = resolved(json_schema)
    for part in place:
        inner = node.get("properties", {}).get(part) or node.get("additionalProperties") or {}
        node = resolved(inner if isinstance(inner, dict) else {})
    return list(node.get("properties", {}))
