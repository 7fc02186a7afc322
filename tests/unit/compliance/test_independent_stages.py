"""Stages that somebody wrote who did not know how the check works: how many faults it finds.

A case begins with ``=== RULE name``; its parts are the inside of a stage, and what is ``above``
it, or a ``whole`` file, a ``docker`` file, another ``spec``.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from runner.compliance.checking import Checked
from tests.unit.compliance.examples import checked, inside

FOLDER: Final = Path(__file__).with_name("independent")
ENOUGH: Final = 0.85
"""A third of them was written against weak spots of an earlier check."""

Case = tuple[str, str, dict[str, str]]


def cases(name: str) -> Iterator[Case]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        head, _, rest = part.partition("\n")
        rule, title = head.split()[:2]
        pieces = re.split(r"^--- (\w+)\n", rest, flags=re.MULTILINE)
        named = zip(pieces[1::2], pieces[2::2], strict=True)
        yield rule, title, {"inside": pieces[0], **dict(named)}


def result(folder: Path, parts: dict[str, str]) -> Checked:
    if "docker" in parts:
        return checked(folder, parts["docker"], name="Dockerfile")
    text = parts.get("whole") or inside(parts["inside"], parts.get("above", ""))
    return checked(folder, text, spec=parts.get("spec"))


def test_most_faults_are_found(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    missed, bad = [], list(cases("bad.txt"))
    for number, (rule, title, parts) in enumerate(bad):
        folder = tmp_path / str(number)
        folder.mkdir()
        if rule not in {finding.rule for finding in result(folder, parts).findings}:
            missed.append(f"{rule} {title}")
    record_property("faults of others", f"{len(bad) - len(missed)} of {len(bad)} found")
    assert len(missed) <= (1 - ENOUGH) * len(bad), missed


@pytest.mark.parametrize(("_", "title", "parts"), list(cases("good.txt")))
def test_what_is_no_fault_is_not_found(
    _: str, title: str, parts: dict[str, str], tmp_path: Path
) -> None:
    found = result(tmp_path, parts).findings
    assert not found, "\n".join([title, *map(str, found)])
