"""Stages with a fault each, and stages that only look so: what the check makes of them."""

from pathlib import Path

import pytest

from tests.unit.compliance.bad_stages import BAD
from tests.unit.compliance.examples import checked, page_examples, whole
from tests.unit.compliance.good_stages import GOOD

ENOUGH_BAD, ENOUGH_GOOD = 80, 40


def found(folder: Path, text: str) -> list[str]:
    return [finding.rule for finding in checked(folder, text).findings]


@pytest.mark.parametrize("name", BAD)
def test_a_fault_is_found(name: str, tmp_path: Path) -> None:
    rule, text = BAD[name]
    assert rule in found(tmp_path, text)


@pytest.mark.parametrize("name", GOOD)
def test_what_only_looks_like_a_fault_is_none(name: str, tmp_path: Path) -> None:
    findings = checked(tmp_path, GOOD[name]).findings
    assert not findings, "\n".join(map(str, findings))


def test_there_are_enough_stages_to_say_how_good_the_check_is() -> None:
    texts = {whole(example): example.is_bad for example in page_examples()}
    texts |= dict.fromkeys((text for _, text in BAD.values()), True)
    texts |= dict.fromkeys(GOOD.values(), False)
    assert sum(texts.values()) >= ENOUGH_BAD
    assert len(texts) - sum(texts.values()) >= ENOUGH_GOOD
