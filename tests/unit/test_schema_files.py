"""The published schemas are those of the models, and allow what the loader allows."""

import json
from typing import Any

import pytest

from runner.schema_files import FOLDER, PUBLISHED, schema_files, schema_text
from tests.project_kit import ROOT

SCHEMAS: dict[str, dict[str, Any]] = {
    published.name: json.loads(schema_text(published)) for published in PUBLISHED
}


def test_a_change_to_a_model_is_in_its_published_schema() -> None:
    stale = [
        str(path)
        for path, text in schema_files().items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text(encoding="utf-8") != text
    ]
    assert not stale, "write them anew: python -m runner.schema_files"


def test_no_schema_is_published_for_a_model_that_is_gone() -> None:
    there = {path.relative_to(ROOT) for path in (ROOT / FOLDER).iterdir()}
    assert there == set(schema_files())


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_validator_finds_the_dialect_and_every_part_that_is_referred_to(name: str) -> None:
    schema = SCHEMAS[name]
    assert schema["$schema"].startswith("https://json-schema.org/")
    referred = {text.removeprefix("#/$defs/") for text in _references(schema)}
    assert referred <= set(schema.get("$defs", {}))


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(part) for part in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(_references(part) for part in value))
    return set()


def test_a_stage_may_add_keys_to_its_manifest_and_nobody_to_the_runners_documents() -> None:
    assert SCHEMAS["stage-manifest"]["additionalProperties"] is True
    for name in (
        "run-record",
        "job-manifest",
        "model-record",
        "stage.yaml",
        "job.yaml",
        "stagerun.yaml",
    ):
        assert SCHEMAS[name]["additionalProperties"] is False


def test_the_runners_own_documents_promise_every_key() -> None:
    for name in ("run-record", "job-manifest", "model-record"):
        assert set(SCHEMAS[name]["required"]) == set(SCHEMAS[name]["properties"])


def test_an_editor_accepts_sizes_with_a_unit_and_numbers_where_the_loader_reads_text() -> None:
    definitions = SCHEMAS["stage.yaml"]["$defs"]
    memory = definitions["ResourcesPart"]["properties"]["memory"]["anyOf"][0]
    default = definitions["KeyPart"]["properties"]["default"]["anyOf"][0]
    assert "string" in memory["type"]
    assert set(default["type"]) == {"string", "number", "boolean"}


def test_an_editor_accepts_the_short_forms_of_an_input() -> None:
    forms = SCHEMAS["stage.yaml"]["$defs"]["InputPart"]["anyOf"]
    assert [form["type"] for form in forms] == ["string", "array", "object"]
    assert forms[2]["additionalProperties"] is False


def test_an_editor_accepts_one_word_where_a_model_may_have_a_list() -> None:
    model = SCHEMAS["stage.yaml"]["$defs"]["ModelPart"]["properties"]
    for forms in (model["files"]["items"], model["when"]["additionalProperties"]):
        word, several = forms["anyOf"]
        assert "string" in word["type"]
        assert several["type"] == "array"
