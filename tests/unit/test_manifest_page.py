"""The page of manifests and records explains every key, and its examples are whole."""

import json
from typing import Final

import pytest
from pydantic import BaseModel

from runner import manifest
from runner.attempt_record import AttemptRecord, ChangedValue
from runner.manifest import (
    ConfigValue,
    Evidence,
    Finding,
    GivenFile,
    GpuCurve,
    GpuGrant,
    ImageReference,
    InputFile,
    JobManifest,
    LimitDifference,
    Limits,
    LogFile,
    ModelFiles,
    OutputFile,
    RunnerIdentity,
    RunRecord,
    StageEntry,
    Strict,
    Usage,
)
from runner.model_record import ModelRecord, RecordedFile
from runner.stage_document import (
    IntermediateFile,
    StageErrorEntry,
    StageManifest,
    TrackedFile,
)
from tests.unit.docs_pages import blocks, names_in, page, rows

PAGE: Final = "docs/manifest.md"
DOCUMENTS: Final[dict[str, type[BaseModel]]] = {
    "stage-manifest": StageManifest,
    "job-manifest": JobManifest,
    "run-record": RunRecord,
}
OF_A_STAGE: Final[list[tuple[str, type[BaseModel]]]] = [
    ("The stage's manifest", StageManifest),
    ("inputs and outputs", TrackedFile),
    ("intermediate files", IntermediateFile),
    ("errors", StageErrorEntry),
]
OF_THE_RUNNER: Final[list[tuple[str, tuple[type[BaseModel], ...]]]] = [
    ("The job's manifest", (JobManifest,)),
    ("an entry", (StageEntry, OutputFile, GivenFile)),
    (
        "The run's record",
        (
            RunRecord, ConfigValue, Finding, GivenFile, ImageReference, InputFile, LimitDifference,
            LogFile, ModelFiles, OutputFile,
        ),
    ),
    ("attempt", (AttemptRecord, ChangedValue)),
    ("limits", (Limits,)),
    ("usage", (Usage,)),
    ("gpu", (GpuGrant,)),
    ("gpu_curve", (GpuCurve,)),
    ("evidence", (Evidence,)),
    ("runner", (RunnerIdentity,)),
    ("A model's record", (ModelRecord, RecordedFile)),
]  # fmt: skip
"""Headings, with the document of their table and the small parts whose keys its rows explain."""


def keys_in(table: list[list[str]]) -> list[str]:
    return sorted(name for row in table for name in names_in(row[0]))


@pytest.mark.parametrize(("heading", "model"), OF_A_STAGE)
def test_every_key_of_a_stages_manifest_is_explained_and_marked_where_it_is_required(
    heading: str, model: type[BaseModel]
) -> None:
    table = rows(PAGE, heading, header="key")
    assert keys_in(table) == sorted(model.model_fields)
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    assert keys_in([row for row in table if row[2]]) == sorted(required)


@pytest.mark.parametrize(("heading", "models"), OF_THE_RUNNER)
def test_every_key_of_the_runners_documents_is_explained(
    heading: str, models: tuple[type[BaseModel], ...]
) -> None:
    table = rows(PAGE, heading, header="key of an entry" if heading == "an entry" else "key")
    document, *parts = models
    assert keys_in(table) == sorted(document.model_fields)
    explained = {name for row in table for name in names_in(row[1])}
    assert {name for part in parts for name in part.model_fields} <= explained


def test_no_part_of_the_runners_documents_is_left_out() -> None:
    explained = {model for _, models in OF_THE_RUNNER for model in models}
    parts = {
        item
        for item in vars(manifest).values()
        if isinstance(item, type) and issubclass(item, Strict) and item is not Strict
    }
    assert parts <= explained


def test_the_examples_are_whole_and_of_one_run() -> None:
    examples = {
        block.kind: json.loads(block.text) for block in blocks(page(PAGE)) if block.kind is not None
    }
    assert set(examples) == set(DOCUMENTS)
    for kind in ("job-manifest", "run-record"):
        assert list(examples[kind]) == list(DOCUMENTS[kind].model_fields)
    stage, record = examples["stage-manifest"], examples["run-record"]
    entry = examples["job-manifest"]["stages"][stage["stage_id"]]
    assert stage["run_id"] == record["run_id"] == entry["run_id"]
    assert entry["outputs"] == record["outputs"]
    assert entry["fingerprint"] == record["fingerprint"]
