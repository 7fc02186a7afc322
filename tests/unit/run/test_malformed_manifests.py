"""Malformed manifests, any number: none breaks the check, none passes unlike the schema."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from runner.run.contract import check_contract
from tests.project_kit import ROOT
from tests.unit.run.malformed import documents, torn
from tests.unit.run.stage_folders import RUN, SPEC, Folder

EXAMPLES = int(os.environ.get("STAGERUN_EXAMPLES", "2000"))


@pytest.fixture(scope="module")
def schema_check() -> Callable[[Any], Any]:
    document = json.loads((ROOT / "docs/schema/stage-manifest.json").read_text())
    check: Callable[[Any], Any] = fastjsonschema.compile(document, use_default=False)
    return check


def _no_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)


def fits(data: bytes, schema_check: Callable[[Any], Any]) -> bool:
    """Whether another reader of JSON and another checker of the published schema take it."""
    try:
        schema_check(json.loads(data.decode("utf-8"), parse_constant=_no_constant))
    except (ValueError, RecursionError, fastjsonschema.JsonSchemaValueException):
        return False
    return True


def test_no_malformed_manifest_breaks_the_check_or_passes_unlike_the_schema(
    tmp_path: Path,
    schema_check: Callable[[Any], Any],
    record_property: Callable[[str, object], None],
) -> None:
    folder, seen = Folder(tmp_path / "06_asr"), Counter[str]()

    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(documents(), torn()))
    def hold(data: bytes) -> None:
        folder.manifest.write_bytes(data)
        found = check_contract(SPEC, folder.root, RUN)
        seen["made"] += 1
        if found.manifest is None:
            assert found.manifest_problem
            assert found.manifest_problem.isprintable()
            return
        seen["read"] += 1
        assert fits(data, schema_check), "accepted, and the schema refuses it"
        for problem in found.problems:
            assert (problem.path + problem.text).isprintable()

    began = time.monotonic()
    hold()
    text = f"{seen['made']}, of which {seen['read']} fit the schema"
    record_property("malformed manifests", f"{text}; {time.monotonic() - began:.0f} s")
    assert 0 < seen["read"] < seen["made"]
