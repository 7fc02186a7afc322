"""docs/rules.md: every rule has its section there, and its examples are what they say."""

from pathlib import Path

import pytest

from runner.compliance.checking import OWN_RULES
from runner.compliance.dockerfile import RULES as DOCKERFILE_RULES
from runner.compliance.rules.table import RULES
from tests.unit.compliance.examples import Example, checked, page_examples, page_rules, whole

EXAMPLES = list(page_examples())
WITHOUT_EXAMPLE = {"ST002"}


def test_every_rule_has_its_section_and_every_section_its_rule() -> None:
    rules = {rule.id: (rule.name, rule.severity.value) for rule in RULES}
    rules |= {rule.id: (rule.name, rule.severity.value) for rule in DOCKERFILE_RULES}
    rules |= {rule: (name, severity.value) for rule, name, severity in OWN_RULES}
    assert {rule: (name, severity) for rule, name, severity in page_rules()} == rules


@pytest.mark.parametrize("kind", [True, False])
def test_every_rule_has_an_example_of_both_kinds(kind: bool) -> None:
    shown = {example.rule for example in EXAMPLES if example.is_bad is kind}
    assert shown == {rule for rule, _, _ in page_rules()} - WITHOUT_EXAMPLE


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda e: f"{e.rule}-{(e.is_bad and 'bad') or 'good'}"
)
def test_a_bad_example_breaks_its_rule_alone_and_a_good_one_none(
    example: Example, tmp_path: Path
) -> None:
    name = "Dockerfile" if example.language == "dockerfile" else "stage.py"
    found = checked(tmp_path, whole(example), name=name).findings
    rules = {finding.rule for finding in found}
    if example.place == "whole":
        # So short a file leaves other things to be desired as well.
        rules &= {example.rule}
    assert rules == ({example.rule} if example.is_bad else set()), "\n".join(map(str, found))
