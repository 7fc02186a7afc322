"""The schema: what it takes from a stage, and what it refuses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runner.manifest import JobManifest, RunRecord
from runner.stage_document import StageManifest, StageStatus

DIGEST = "sha256:" + "0" * 64
SMALLEST = {"stage": "asr", "stage_number": 6, "status": "success", "inputs": [], "outputs": []}


def read(**parts: Any) -> StageManifest:
    return StageManifest.model_validate_json(json.dumps({**SMALLEST, **parts}))


def test_a_manifest_with_the_documented_keys_alone_is_valid() -> None:
    assert read().status is StageStatus.SUCCESS


@pytest.mark.parametrize("key", sorted(SMALLEST))
def test_a_manifest_without_one_of_its_keys_is_refused(key: str) -> None:
    document = {name: value for name, value in SMALLEST.items() if name != key}
    with pytest.raises(ValidationError):
        StageManifest.model_validate_json(json.dumps(document))


def test_keys_of_the_stages_own_are_kept() -> None:
    assert (read(beam=5).model_extra or {})["beam"] == 5


def test_metadata_beside_a_tracked_file_is_kept() -> None:
    manifest = read(outputs=[{"type": "audio", "path": "06_asr/a.wav", "rate": 16000}])
    assert (manifest.outputs[0].model_extra or {})["rate"] == 16000


@pytest.mark.parametrize(
    "parts",
    [
        {"status": "fine"},
        {"stage_number": "six"},
        {"duration_seconds": -1},
        {"outputs": {}},
        {"outputs": [{"path": "x"}]},
        {"outputs": [{"type": "a", "path": "x", "size_bytes": -1}]},
        {"outputs": [{"type": "a", "path": "x", "checksum": "md5:00"}]},
        {"inputs": [None]},
        {"errors": [1]},
    ],
    ids=str,
)
def test_a_manifest_that_breaks_the_schema_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(**parts)


def test_a_stage_without_a_number_is_possible() -> None:
    assert read(stage_number=None).stage_number is None


def test_errors_may_be_texts_or_entries() -> None:
    assert len(read(errors=["bad", {"message": "worse"}]).errors) == 2


@pytest.mark.parametrize("model", [RunRecord, JobManifest])
def test_the_runners_own_documents_refuse_unknown_keys(
    model: type[RunRecord | JobManifest],
) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        model.model_validate({"surprise": 1})


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_no_json_breaks_the_reading_of_a_manifest(value: Any) -> None:
    with pytest.raises(ValidationError):
        StageManifest.model_validate_json(json.dumps(value))
