"""One attack by a stage: what its program does, and everything that has to hold afterwards."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.calls import Ended, ended, program
from tests.project_kit import STAGERUN, Kit

MOST_MEMORY_BYTES: Final = 150_000_000
MOST_PRINTED: Final = 250_000
"""A hundred warnings of 2000 characters each, and what is around them."""

MOST_FINDINGS: Final = 100
SECONDS: Final = 400
RAW: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae\xa8\xa9]")
"""What steers a terminal, forges a line or turns a text round; line feeds and tabs are fine."""

MEASURED: Final = """\
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
open(sys.argv[1], "w").write(str(peak))
sys.exit(code)
"""
"""Calls a command from a small process: the peak of a new process begins with its parent's size."""

CALLS: Final = """\
import sys
from runner.cli.calling import call
sys.exit(max(call(words.split(" ")) for words in sys.argv[1:]))
"""
"""Several calls of the command line in one process, which is quicker."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A row: what the stage does, and how its run has to end.

    ``says`` has to stand in what the call prints, ``never`` must not; ``findings`` is how many
    the record has to count.
    """

    before: str = ""
    after: str = ""
    options: tuple[str, ...] = ()
    ends: tuple[int, str] = (0, "success")
    says: str = ""
    never: str = ""
    findings: int | None = None


Told = Callable[[str, object], None]


def suffer(kit: Kit, job: Path, attack: Attack, told: Told, *, goes_on: bool = True) -> Ended:
    """Run the attack on a job with a good result, and hold everything that must hold whatever it
    does: bounded memory, nothing raw printed, the result before it kept, the next stage fine.
    """
    kit.code("50_probe", program(attack.before, attack.after))
    outcome, peak = _run(kit, job, attack)
    told("runner's peak", f"{peak / 1e6:.0f} MB")
    assert (outcome.code, outcome.verdict) == attack.ends, outcome.text[-3000:]
    assert peak <= MOST_MEMORY_BYTES, f"the runner took {peak / 1e6:.0f} MB"
    assert attack.says in outcome.text
    assert not attack.never or attack.never not in outcome.text
    assert outcome.record is not None
    assert len(outcome.record["findings"]) <= MOST_FINDINGS
    if attack.findings is not None:
        assert outcome.record["findings_total"] == attack.findings
    _after(kit, job, outcome, goes_on=goes_on)
    return outcome


def _run(kit: Kit, job: Path, attack: Attack) -> tuple[Ended, int]:
    measured = kit.root / "peak"
    words = ["50_probe", str(job), "--dev", "--force", *attack.options]
    finished = subprocess.run(
        [sys.executable, "-SEc", MEASURED, str(measured), str(STAGERUN), *words],
        cwd=kit.root,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    printed = finished.stdout + finished.stderr
    assert b"Traceback" not in printed, printed[-3000:]
    _is_harmless(printed, "the call")
    assert len(printed) <= MOST_PRINTED
    text = printed.decode()
    return ended(job, "50_probe", finished.returncode, text), int(measured.read_text())


def _after(kit: Kit, job: Path, outcome: Ended, *, goes_on: bool) -> None:
    """The reports steer no terminal; the result is in force, or comes back, and the next runs."""
    calls = [["why", "50_probe"], ["status", "-v"], ["logs"]]
    if goes_on:
        is_good = outcome.entry["good_is"] == "in place"
        assert is_good or outcome.entry["good_is"] == "previous"
        calls += [*([] if is_good else [["restore", "50_probe"]]), ["51_next"]]
    finished = subprocess.run(
        [sys.executable, "-c", CALLS, *(" ".join([*words, str(job)]) for words in calls)],
        cwd=kit.root,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    printed = finished.stdout + finished.stderr
    assert finished.returncode == 0, printed[-3000:]
    _is_harmless(printed, "a report")
    for log in (job / "logs").iterdir():
        _is_harmless(log.read_bytes(), log.name)
    if goes_on:
        assert (job / "50_probe/copy.txt").read_text() == "new\n"
        assert (job / "51_next/copy.txt").read_text() == "new\n"


def _is_harmless(printed: bytes, where: str) -> None:
    found = RAW.search(printed)
    assert found is None, f"{where} has raw {found[0]!r}: {printed[found.start() - 80 :][:200]!r}"
