"""A file that is not what its output has to be is refused: what is wrong, where, what is right."""

import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import SpecError
from runner.run.content import misfit

PART = {
    "description": "a part",
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "size": {"const": 5}},
}
WHOLE = {
    "description": "a list of parts",
    "type": "object",
    "required": ["parts"],
    "properties": {"parts": {"type": "array", "items": {"$ref": "#/definitions/part"}}},
    "definitions": {"part": PART},
}
LINES = {
    "type": "array",
    "contains": {"pattern": "^[0-9]+$"},
    "items": {
        "if": {"pattern": "^="},
        "then": {"description": "= and a word", "pattern": "^=[a-z]+$"},
    },
}


def check(folder: Path, content: str, schema: object, name: str = "a.json") -> str | None:
    file, rules = folder / name, folder / "rules.json"
    file.write_text(content)
    rules.write_text(schema if isinstance(schema, str) else json.dumps(schema))
    return misfit(file, name, rules)


def document(**keys: Any) -> str:
    return json.dumps(keys)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([{"name": "a"}, {"name": 7}], "parts[1].name: 7 is no string. Wanted: a list of parts"),
        ([{}], "parts[0]: 'name' is missing. Wanted: a part"),
        ([{"name": "a", "size": 6}], "parts[0].size: 6 is not 5. Wanted: a list of parts"),
        (["ü"], 'parts[0]: "ü" is no object. Wanted: a part'),
        (None, "parts: null is no array. Wanted: a list of parts"),
    ],
)
def test_the_place_the_problem_and_what_is_right_are_told(
    tmp_path: Path, parts: object, said: str
) -> None:
    assert check(tmp_path, document(parts=parts), WHOLE) == said


def test_what_is_missing_at_the_top_needs_no_place(tmp_path: Path) -> None:
    assert check(tmp_path, "{}", WHOLE) == "'parts' is missing. Wanted: a list of parts"


def test_what_fits_has_no_problem(tmp_path: Path) -> None:
    assert check(tmp_path, document(parts=[{"name": "a", "size": 5, "more": 1}]), WHOLE) is None


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    said = check(tmp_path, document(parts="x" * 10_000), WHOLE)
    assert said is not None
    assert len(said) < 200


def test_a_file_against_the_rules_of_its_format_is_told_what_is_wanted(tmp_path: Path) -> None:
    said = check(tmp_path, "{", WHOLE)
    assert said is not None
    assert said.startswith("the file is not JSON")
    assert said.endswith("Wanted: a list of parts")


def test_a_text_is_judged_line_by_line(tmp_path: Path) -> None:
    assert check(tmp_path, "1\n=a\nb", LINES, "a.txt") is None
    said = check(tmp_path, "1\n\n=A\n", LINES, "a.txt")
    assert said == 'line 3: "=A" does not fit. Wanted: = and a word'
    assert check(tmp_path, "x\n", LINES, "a.txt") == "a part that has to be there is missing"


def test_a_name_that_tells_no_format_is_refused_only_where_there_is_a_schema(
    tmp_path: Path,
) -> None:
    said = check(tmp_path, "anything", WHOLE, "a.xyz")
    assert said is not None
    assert ".json" in said
    assert misfit(tmp_path / "a.xyz", "a.xyz", None) is None


def test_without_a_schema_the_format_has_to_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff")
    assert misfit(path, "a.txt", None) == "line 1 is not in UTF-8; save the file as UTF-8"
    assert misfit(path, "a.bin", None) is None


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "must hold a JSON object"),
        ({"type": "nothing"}, "no JSON Schema that can be used"),
        ({"properties": 5}, "no JSON Schema that can be used"),
        ({"pattern": "("}, "no JSON Schema that can be used"),
        ({"$ref": "#/definitions/none"}, "no JSON Schema that can be used"),
        ({"$ref": "http://127.0.0.1:1/schema.json"}, "has to be whole"),
        ({"$ref": "other.json"}, "has to be whole"),
        ({"$ref": "file:///etc/passwd"}, "has to be whole"),
    ],
)
def test_a_schema_that_cannot_be_used_is_the_projects_mistake(
    tmp_path: Path, schema: object, said: str
) -> None:
    with pytest.raises(SpecError, match=r"rules\.json") as caught:
        check(tmp_path, "{}", schema)
    assert said in str(caught.value)


def test_a_schema_that_is_not_there_is_the_projects_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(SpecError, match=r"absent\.json cannot be read"):
        misfit(tmp_path / "a.json", "a.json", tmp_path / "absent.json")
