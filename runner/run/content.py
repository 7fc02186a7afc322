"""Whether a file holds what an output has to hold: by its format, and by the output's schema.

A schema is a JSON Schema in the project's folder ``schemas/``. It is held against what the file's
format gives: a document itself, the lines of a text, the facts in the header of sound or film.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from runner.errors import SpecError
from runner.job.file_formats import FORMATS, FormatError, Steps, format_of

if TYPE_CHECKING:
    from fastjsonschema import JsonSchemaValueException

LONGEST_VALUE: Final = 80
ELSEWHERE: Final = ("", "file", "ftp", "http", "https")
STEP: Final = re.compile(r"\[(\d+)\]|\.([^.\[]*)")
"""A number in a list or a key, as the library writes the way to a value."""


def misfit(file: Path, name: str, schema: Path | None) -> str | None:
    """Why the file cannot be an output with that name, in words; None when it can.

    Raises SpecError when the schema cannot be used.
    """
    known, wanted = format_of(name), _read_schema(schema) if schema else {}
    if known is None:
        return f"its name has to end in one of {', '.join(sorted(FORMATS))}" if schema else None
    try:
        content = known.read(file)
    except FormatError as problem:
        return _with_wish(str(problem), wanted)
    return _problem(content, known.place, schema, wanted) if schema else None


def _read_schema(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        msg = f"{path} cannot be read ({problem.strerror}), and a stage.yaml names it as a schema."
        raise SpecError(msg) from None
    except (ValueError, RecursionError) as problem:
        msg = f"{path} is not JSON: {problem}."
        raise SpecError(msg) from None
    if not isinstance(document, dict):
        msg = f"{path} is no JSON Schema: it must hold a JSON object."
        raise SpecError(msg)
    return document


def _problem(
    content: Any, place: Callable[[Steps], str], path: Path, schema: dict[str, Any]
) -> str | None:
    from fastjsonschema import JsonSchemaValueException

    try:
        _checker(path, schema)(content)
    except JsonSchemaValueException as error:
        where = place(list(_steps(error.name or "")))
        what = f"{where}: {_what(error)}" if where else _what(error)
        return _with_wish(what, error.definition, schema)
    return None


def _checker(path: Path, schema: dict[str, Any]) -> Callable[[Any], Any]:
    from fastjsonschema import compile as compile_schema

    try:
        checker: Callable[[Any], Any] = compile_schema(
            schema, handlers=dict.fromkeys(ELSEWHERE, _not_here), use_default=False
        )
    except Exception as problem:  # of many kinds: the library takes a schema for a sound one
        msg = f"{path} is no JSON Schema that can be used: {problem}."
        raise SpecError(msg) from None
    return checker


def _not_here(uri: str) -> NoReturn:
    msg = f"it refers to {uri}, and a schema has to be whole"
    raise ValueError(msg)


def _steps(way: str) -> Iterator[str | int]:
    for number, key in STEP.findall(way):
        yield int(number) if number else key


def _what(error: "JsonSchemaValueException") -> str:
    found, wanted = _short(error.value), error.rule_definition
    match error.rule:
        case "required":
            return f"{next(name for name in wanted if name not in error.value)!r} is missing"
        case "type":
            return f"{found} is no {wanted if isinstance(wanted, str) else ' or '.join(wanted)}"
        case "const":
            return f"{found} is not {_short(wanted)}"
        case "contains":
            return "a part that has to be there is missing"
        case _:
            return f"{found} does not fit"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _with_wish(problem: str, *schemas: dict[str, Any]) -> str:
    """The problem, and what the first of the schemas that has words for it describes as right."""
    wish = next((part["description"] for part in schemas if "description" in part), None)
    return f"{problem}. Wanted: {wish}" if wish else problem
