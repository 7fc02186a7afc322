"""Stages that somebody wrote who did not know how the check works: how many faults it finds.

A case begins with ``=== RULE name``; its parts are the inside of a stage, and what is ``above``
it, or a ``whole`` file, a ``docker`` file, another ``spec``. The cases of ``unseen_*.txt`` are
folders: a bad one's head also has the line of its fault, and its parts are files.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from runner.compliance.checking import Checked, check
from runner.compliance.targets import gather
from tests.unit.compliance.examples import checked, inside

FOLDER: Final = Path(__file__).with_name("independent")
ENOUGH: Final = 0.94
"""A third of them was written against weak spots of an earlier check, and the last 26."""

UNSEEN: Final = 60
NEAR: Final = 59
"""Of 60 bad stages by somebody who had never seen the check, those found, and near their line.

At first sight it found 46, and flagged 2 of the 50 good ones. The rules were mended with them
since, so that these figures only keep what was gained: how many faults of a stranger it finds
is told by the first ones.
"""
CLOSE: Final = 2
ENOUGH_GOOD: Final = 50

Case = tuple[str, str, dict[str, str]]


def cases(name: str) -> Iterator[Case]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        head, _, rest = part.partition("\n")
        rule, title = head.split()[:2]
        pieces = re.split(r"^--- (\w+)\n", rest, flags=re.MULTILINE)
        named = zip(pieces[1::2], pieces[2::2], strict=True)
        yield rule, title, {"inside": pieces[0], **dict(named)}


def folders(name: str, under: Path) -> Iterator[tuple[list[str], Path]]:
    """The folders of a file of cases, each with the words of its head."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        head, _, rest = part.partition("\n")
        words = head.split()
        folder = under / words[1]
        folder.mkdir()
        pieces = re.split(r"^--- ([\w.]+)\n", rest, flags=re.MULTILINE)
        for file, content in zip(pieces[1::2], pieces[2::2], strict=True):
            (folder / file).write_text(content, encoding="utf-8")
        yield words, folder


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


def test_faults_of_somebody_who_never_saw_the_check_stay_found(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    found, near, missed = 0, 0, []
    for (rule, title, line, *_), folder in folders("unseen_bad.txt", tmp_path):
        lines = [item.line for item in check(gather([folder])).findings if item.rule == rule]
        found += bool(lines)
        near += any(abs(other - int(line)) <= CLOSE for other in lines)
        missed += [] if lines else [title]
    record_property("faults of a stranger", f"{found} found, {near} of them at their line")
    assert (found, near) >= (UNSEEN, NEAR), missed


def test_good_stages_of_somebody_who_never_saw_the_check_stay_clean(tmp_path: Path) -> None:
    targets = gather([folder for _, folder in folders("unseen_good.txt", tmp_path)])
    assert len(targets) >= ENOUGH_GOOD
    found = check(targets).findings
    assert not found, "\n".join(map(str, found))
