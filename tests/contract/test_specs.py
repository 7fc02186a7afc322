"""A stage alone, with its spec beside it."""

import json
from typing import Any

import pytest

from tests.contract.workplace import Workplace

SPEC: dict[str, Any] = {
    "schema_version": 1,
    "stage_id": "07_second",
    "project_stages": ["05_first", "07_second"],
    "inputs": {"data": {"from": ["05_first/data"], "optional": False}},
    "outputs": {"result": {"file": "result.json", "type": "json", "optional": False}},
    "config": {
        "BEAM": {"type": "int", "default": "5", "help": "", "of": None, "range": [1, 20]},
        "ENGINE": {"type": "choice", "default": "a", "help": "", "of": ["a", "b"], "range": None},
        "LANGUAGE": {"type": "str", "default": None, "help": "", "of": None, "range": None},
    },
    "secrets": [],
}
FIRST = """
from shared.stage_utils import StageIO
io = StageIO()
io.output("data").write_text("{}")
io.finalize()
"""
SECOND = """
import json
from shared.config import load_config
from shared.stage_utils import StageIO
io = StageIO("second")
config = load_config()
print(json.dumps([dict(config), config.get("UNDECLARED"), config.get("BEAM", 1)]))
io.output("result").write_text(io.input("data").read_text())
io.finalize()
"""


def baked(workplace: Workplace) -> None:
    outputs = {"data": {"file": "data.json", "type": "json", "optional": False}}
    first = {**SPEC, "stage_id": "05_first", "inputs": {}, "outputs": outputs}
    workplace.write(json.dumps(first), "app/05_first/spec.json")
    workplace.write(json.dumps(SPEC), "app/07_second/spec.json")


def test_baked_specs_let_stages_find_each_other_without_the_runner(
    workplace: Workplace, python: str
) -> None:
    baked(workplace)
    first = workplace.run(FIRST, name="app/05_first/stage.py", python=python)
    assert first.code == 0, first.err
    second = workplace.run(SECOND, name="app/07_second/stage.py", python=python)
    assert second.code == 0, second.err
    manifest = second.manifest("07_second")
    assert manifest["inputs"][0]["path"] == "05_first/data.json"
    assert manifest["outputs"][0]["name"] == "result"
    assert json.loads(second.out) == [{"BEAM": "5", "ENGINE": "a"}, None, 5]
    assert manifest["warnings"] == []


def test_a_stages_manifest_is_enough_to_find_its_output_by_name(workplace: Workplace) -> None:
    baked(workplace)
    workplace.run(FIRST, name="app/05_first/stage.py")
    (workplace.folder / "app/05_first/spec.json").unlink()
    second = workplace.run(SECOND, name="app/07_second/stage.py")
    assert second.code == 0, second.err


def test_a_missing_input_names_the_alternatives(workplace: Workplace) -> None:
    baked(workplace)
    second = workplace.run(SECOND, name="app/07_second/stage.py")
    assert second.code == 1
    assert "05_first/data" in second.manifest("07_second")["errors"][0]["message"]


def test_environment_variables_of_declared_keys_win_over_defaults(workplace: Workplace) -> None:
    baked(workplace)
    workplace.run(FIRST, name="app/05_first/stage.py")
    second = workplace.run(
        SECOND, name="app/07_second/stage.py", BEAM="7", LANGUAGE="no", UNDECLARED="x"
    )
    assert json.loads(second.out) == [{"BEAM": "7", "ENGINE": "a", "LANGUAGE": "no"}, None, 7]


@pytest.mark.parametrize(("key", "value"), [("BEAM", "21"), ("BEAM", "many"), ("ENGINE", "c")])
def test_an_environment_variable_that_its_declaration_refuses_is_named(
    workplace: Workplace, key: str, value: str
) -> None:
    baked(workplace)
    second = workplace.run(SECOND, name="app/07_second/stage.py", **{key: value})
    assert second.code == 1
    message = second.manifest("07_second")["errors"][0]["message"]
    assert key in message
    assert repr(value) in message
    assert "environment" in message


def test_without_a_spec_one_warning_says_so(workplace: Workplace) -> None:
    text = """
from shared.config import load_config
from shared.stage_utils import StageIO
io = StageIO("your_stage")
for _ in range(3):
    assert load_config().get("PARAM2", 42) == 42
assert load_config().get("BEAM") == "3"
io.finalize()
"""
    ended = workplace.run(text, BEAM="3")
    assert ended.code == 0, ended.err
    assert ended.stage_log("your_stage").count("[WARNING]") == 1
    assert ended.manifest("your_stage")["status"] == "success"


def test_stage_yaml_serves_where_it_can_be_read(workplace: Workplace) -> None:
    yaml = "outputs: {data: {file: data.json, type: json}}\nconfig: {BEAM: {type: int, default: 5}}"
    workplace.write(yaml, "stages/05_first/stage.yaml")
    ended = workplace.run(FIRST, name="stages/05_first/stage.py")
    assert ended.code == 0, ended.err
    assert ended.manifest("05_first")["outputs"][0]["path"] == "05_first/data.json"
