"""Comments that switch a rule off: for their line, their rule, and with a reason."""

from pathlib import Path

import pytest

from tests.unit.compliance.examples import checked, inside, page_spec


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ("print(1)  # stagerun: ignore[ST101] a tool for the shell", []),
        ("# stagerun: ignore[ST101] a tool for the shell\nprint(1)", []),
        ("print(1)  # stagerun: ignore[ST101, ST102] a tool", []),
        ("print(1)  # stagerun: ignore[ST102] another rule", ["ST101"]),
        ("# stagerun: ignore[ST101] too far\n\nprint(1)", ["ST101"]),
        ("pass  # stagerun: ignore[ST101] at the end of a line\nprint(1)", ["ST101"]),
        ("print(1)  # stagerun: ignore[ST101]", ["ST003", "ST101"]),
        ("print(1)  # stagerun: ignore why", ["ST003", "ST101"]),
        ("print('# stagerun: ignore[ST101] in a text')", ["ST101"]),
    ],
)
def test_a_comment_covers_its_line_its_rule_and_needs_a_reason(
    tmp_path: Path, code: str, left: list[str]
) -> None:
    found = checked(tmp_path, inside(code)).findings
    assert sorted(finding.rule for finding in found) == left


@pytest.mark.parametrize(
    ("above", "left"), [("", ["ST402"]), ("  # stagerun: ignore[ST402] a module of others\n", [])]
)
def test_a_key_that_nothing_reads_is_told_and_ignored_where_it_is_declared(
    tmp_path: Path, above: str, left: list[str]
) -> None:
    key = '  LONGEST: {type: int, default: 9, help: "Letters of the longest word"}\n'
    spec = page_spec().replace("config:\n", f"config:\n{above}{key}")
    found = checked(tmp_path, inside("pass"), spec=spec).findings
    assert [finding.rule for finding in found] == left
    assert [(item.path.name, item.text.strip()) for item in found] == [
        ("stage.yaml", key.strip()) for _ in left
    ]
