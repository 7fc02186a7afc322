"""Writes ``docs/schema``: JSON Schema of every document that others read or write.

And the tables of ``docs/stages.md``, which are made of the specs, and the calls of
``docs/stage-io.md``, which are made of the docstrings in ``shared/``.

Run it after a change to one of them: ``python -m runner.schema_files``.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from runner.host.image_lock import ImageLock
from runner.library_reference import LIBRARY, REFERENCE, filled_reference
from runner.manifest import JobManifest, RunRecord
from runner.model_record import ModelRecord
from runner.project.fixture_schema import ExpectFile, FixtureFile
from runner.project.pipeline import load_project
from runner.project.schema import InputPart, JobFile, StageFile
from runner.project.settings_schema import SettingsFile
from runner.stage_document import StageManifest
from runner.stage_tables import PAGE, filled

FOLDER: Final = Path("docs/schema")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A model with the name that its schema gets, and who writes such a document.

    ``validation`` is what the runner accepts, ``serialization`` what it writes.
    """

    name: str
    model: type[BaseModel]
    mode: Literal["validation", "serialization"]
    is_yaml: bool = False


PUBLISHED: Final = (
    Published(name="stage-manifest", model=StageManifest, mode="validation"),
    Published(name="run-record", model=RunRecord, mode="serialization"),
    Published(name="job-manifest", model=JobManifest, mode="serialization"),
    Published(name="model-record", model=ModelRecord, mode="serialization"),
    Published(name="images.lock", model=ImageLock, mode="serialization"),
    Published(name="stage.yaml", model=StageFile, mode="validation", is_yaml=True),
    Published(name="job.yaml", model=JobFile, mode="validation", is_yaml=True),
    Published(name="stagerun.yaml", model=SettingsFile, mode="validation", is_yaml=True),
    Published(name="fixture.yaml", model=FixtureFile, mode="validation", is_yaml=True),
    Published(name="expect.yaml", model=ExpectFile, mode="validation", is_yaml=True),
)


class JsonDocument(GenerateJsonSchema):
    """Names the dialect, which editors and validators want to know."""

    def generate(
        self,
        schema: Mapping[str, Any],
        mode: Literal["validation", "serialization"] = "validation",
    ) -> dict[str, Any]:
        """The whole schema of one model."""
        return {"$schema": self.schema_dialect, **_standard(super().generate(schema, mode))}

    def field_is_required(self, field: Any, total: bool) -> bool:
        """What the runner writes it writes whole, defaults included."""
        return self.mode == "serialization" or super().field_is_required(field, total)


def _standard(schema: Any) -> Any:
    """The schema in JSON Schema's own words; at a value with a unit pydantic leaves ``gt``."""
    if isinstance(schema, dict):
        words = {"gt": "exclusiveMinimum"}
        return {words.get(key, key): _standard(value) for key, value in schema.items()}
    return [_standard(item) for item in schema] if isinstance(schema, list) else schema


class YamlDocument(JsonDocument):
    """Schemas of files that people write.

    The loader takes every scalar as text and lets the model type it, so ``5`` is as good as
    ``"5"``, and ``2GiB`` is a size; the schema has to allow what the loader does.
    """

    def str_schema(self, schema: core_schema.StringSchema) -> dict[str, Any]:
        """Text; without a pattern also what YAML takes for a number or a truth value."""
        found = super().str_schema(schema)
        if "pattern" not in found:
            found["type"] = ["string", "number", "boolean"]
        return found

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> dict[str, Any]:
        """A size or a duration, which may be a number or a text with a unit."""
        found = super().function_before_schema(schema)
        if found.get("type") in ("integer", "number"):
            return {**found, "type": [found["type"], "string"]}
        return found

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        """A part of a file; an input may also be its source, or a list of sources."""
        found = super().model_schema(schema)
        if schema["cls"] is not InputPart:
            return found
        sources = found["properties"]["from"]
        either = {"anyOf": [sources["items"], {**sources, "title": "Sources"}]}
        whole = {**found, "properties": {**found["properties"], "from": either}}
        about = {key: whole.pop(key) for key in ("title", "description")}
        return {**about, "anyOf": [*either["anyOf"], whole]}


def schema_text(published: Published) -> str:
    """The schema of one model, as it stands in its file."""
    generator = YamlDocument if published.is_yaml else JsonDocument
    schema = published.model.model_json_schema(schema_generator=generator, mode=published.mode)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def schema_files() -> dict[Path, str]:
    """Every published file, by its path in the project, with its text."""
    return {FOLDER / f"{item.name}.json": schema_text(item) for item in PUBLISHED}


def main() -> int:
    """Write the files into the project that is the current folder."""
    for path, text in schema_files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if REFERENCE.is_file():
        page = REFERENCE.read_text(encoding="utf-8")
        REFERENCE.write_text(filled_reference(page, LIBRARY), encoding="utf-8")
    if PAGE.is_file():
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(filled(page, load_project(Path.cwd())), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
